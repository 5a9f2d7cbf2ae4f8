/** Puts the parts of a broker together: who may reach what is decided here and nowhere else. */
import { lifeOf } from '@claudemesh/db'
import { Refusals } from './audit/refusals.ts'
import { firstLook } from './backplane/looked.ts'
import { tellMail } from './backplane/tell-mail.ts'
import type { Broker } from './broker.ts'
import type { Clock } from './clock.ts'
import { BatchWriter } from './delivery/batch-writer.ts'
import { tellCommitted } from './delivery/committed.ts'
import { createPushWindow } from './delivery/push-window.ts'
import { queueItems } from './delivery/queue-items.ts'
import { replaceAttachment } from './delivery/replace-attachment.ts'
import { openRates } from './limits/rates.ts'
import { openTurnstiles } from './limits/turnstiles.ts'
import { HookLapses } from './presence/hook-lapses.ts'
import { openMeshes } from './roster/meshes.ts'
import type { Settings } from './settings.ts'
import { openMetrics } from './telemetry/metrics.ts'

/** A broker that listens nowhere yet. */
export function assemble(
  settings: Settings,
  clock: Clock,
  { log, key, db, backplane, tracing }: Pick<Broker, 'log' | 'key' | 'db' | 'backplane' | 'tracing'>,
): Broker {
  const connections: Broker['connections'] = new Set()
  const looked = firstLook()
  const meshes = openMeshes(db)
  const metrics = openMetrics({
    connections: () => connections.size,
    attachments: () => [...meshes.all()].reduce((n, mesh) => n + mesh.attachments.size, 0),
    waiting: () => lane.waiting,
    queued: () => db.queueDepth(),
    nodes: () => looked.others + 1,
    backplane,
  })
  const window = createPushWindow({
    limits: {
      perRecipientCount: settings.WINDOW_ENVELOPES,
      perRecipientBytes: settings.WINDOW_BYTES,
      perSocketCount: settings.SOCKET_WINDOW_ENVELOPES,
      perSocketBytes: settings.SOCKET_WINDOW_BYTES,
    },
    readQueue: async ({ mesh, recipient }, after, maxRows, maxBytes) => {
      const span = tracing?.start('queue.read')
      const page = await db.readQueue({ mesh, recipient, after, maxRows, maxBytes })
      const items = queueItems(page)
      span?.end({ items: items.length })
      return { items, upTo: page.upTo, more: page.more }
    },
    held: { bytes: 0 },
    now: clock.now,
    metrics,
    log,
  })
  const lane: BatchWriter = new BatchWriter({
    maxRows: settings.BATCH_ROWS,
    commit: batch => db.commit(batch),
    committed: (batch, outcomes) =>
      tellCommitted(
        {
          window,
          redeliverMs: settings.REDELIVER_MS,
          now: clock.now,
          metrics,
          elsewhere: waiting => tellMail(backplane, waiting),
          replaced: attachment => replaceAttachment(meshes, attachment),
        },
        batch,
        outcomes,
      ),
    clock,
    metrics,
    log,
    tracing,
  })
  return {
    settings,
    node: lifeOf(settings.NODE_NAME),
    key,
    db,
    clock,
    log,
    metrics,
    tracing,
    rates: openRates(settings),
    turnstiles: openTurnstiles(clock, () => metrics.count.accepted),
    meshes,
    lane,
    window,
    backplane,
    looked,
    signing: Promise.resolve(),
    trees: new Map(),
    refusals: new Refusals(key.secretKey.subarray(0, 32)),
    hookLapses: new HookLapses(clock),
    connections,
    undetached: new Set(),
    hosts: [],
    draining: false,
    unanswered: 0,
  }
}
