/** Everything that happens in the broker by time alone, each at its own beat and never twice at once. */
import { signCheckpoints } from './audit/sign-checkpoints.ts'
import { writeRefusals } from './audit/write-refusals.ts'
import { look } from './backplane/look.ts'
import type { Broker } from './broker.ts'
import { sweepExpired } from './delivery/expiry.ts'
import { reclaimer } from './delivery/reclaim.ts'
import { sweepUnacked } from './delivery/redelivery.ts'
import { beatLeases, countBeat, LEASE_BEAT_MS } from './presence/leases.ts'
import { sweepDropped } from './roster/remove-member.ts'
import { beatSockets } from './ws/heartbeat.ts'

const MINUTE_MS = 60_000
/** Short, because large bodies fill the database's memory within a second. */
const RECLAIM_MS = 250

/** Starts all of it; answers how to stop it. */
export function startSweeps(broker: Broker): () => void {
  const { clock, settings, db, log, metrics } = broker
  const sweeps: [ms: number, name: string, work: () => unknown][] = [
    [Math.min(1000, settings.REDELIVER_MS), 'redelivery', () => sweepUnacked(broker)],
    [RECLAIM_MS, 'space', reclaimer(db, metrics)],
    [settings.LOOK_MS, 'looks', () => look(broker)],
    [settings.EXPIRY_MS, 'expiry', () => sweepExpired(broker)],
    [settings.EXPIRY_MS, 'drops', () => sweepDropped(broker)],
    [settings.HEARTBEAT_MS, 'heartbeat', () => beatSockets(broker)],
    [LEASE_BEAT_MS, 'beats', () => countBeat(broker)],
    [LEASE_BEAT_MS, 'leases', () => beatLeases(broker)],
    [settings.CHECKPOINT_MS, 'checkpoints', () => signCheckpoints(broker)],
    [MINUTE_MS, 'refusals', () => writeRefusals(broker)],
    [MINUTE_MS, 'memory', () => forget(broker)],
    [60 * MINUTE_MS, 'facts', () => db.dropOldFacts({ now: clock.now() })],
    [60 * MINUTE_MS, 'functions', () => db.keepFunctions()],
    [60 * MINUTE_MS, 'audit-days', () => keepAuditDays(broker)],
  ]
  const stops = sweeps.map(([ms, name, work]) => {
    let running = false
    return clock.every(ms, () => {
      if (running) return
      running = true
      void Promise.resolve()
        .then(work)
        .catch(cause => log.error('sweep.failed', cause, { sweep: name }))
        .finally(() => {
          running = false
        })
    })
  })
  return () => {
    for (const stop of stops) stop()
  }
}

/** Days ahead are made, and those beyond what is kept dropped, their hashes not. */
async function keepAuditDays({ db, clock, settings }: Broker): Promise<void> {
  const now = clock.now()
  await db.ensureAuditDays({ now })
  if (settings.AUDIT_DAYS > 0)
    await db.dropAuditDays({ before: now - settings.AUDIT_DAYS * 24 * 60 * MINUTE_MS })
}

function forget({ rates, meshes, clock }: Broker): void {
  rates.sweep(clock.now())
  meshes.sweep()
}
