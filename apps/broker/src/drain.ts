/** The end of a broker: nothing it said stays unsaid, and everybody knows to come back. */
import { encodeBrokerFrame } from '@claudemesh/protocol'
import { signCheckpoints } from './audit/sign-checkpoints.ts'
import { writeRefusals } from './audit/write-refusals.ts'
import type { Broker } from './broker.ts'
import { leaveNode } from './presence/leases.ts'

const RETRY_AFTER_MS = 1000
/** Where other nodes live, they take who comes at once. */
const ELSEWHERE_MS = 100

/** `draining` to all, the last commit told, close 1001, leases released, the log signed, then `closeServer`, the database and the last spans. */
export async function drain(broker: Broker, closeServer: () => Promise<void>): Promise<void> {
  const { lane, connections, db, settings, clock, log } = broker
  broker.draining = true
  const retryAfterMs = broker.looked.others > 0 ? ELSEWHERE_MS : RETRY_AFTER_MS
  for (const connection of connections)
    connection.sendJson(encodeBrokerFrame({ type: 'draining', retryAfterMs }))
  const late = Promise.withResolvers<void>()
  const stop = clock.after(settings.DRAIN_MS, late.resolve)
  await Promise.race([lane.idle(), late.promise])
  stop()
  for (const connection of [...connections]) connection.close('goingAway')
  try {
    await leaveNode(broker)
  } catch (cause) {
    log.error('leases.unreleased', cause)
  }
  try {
    await writeRefusals(broker)
    await signCheckpoints(broker)
  } catch (cause) {
    log.error('audit.unsigned', cause)
  }
  await closeServer()
  await broker.backplane.close()
  await db.close()
  await broker.tracing?.close()
  log.info('broker.stopped', { waiting: lane.waiting })
}
