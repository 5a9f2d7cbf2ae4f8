/** Puts the broker together, keeps its clocks running, and takes it down so that nothing it said stays unsaid. */
import { ready } from '@claudemesh/crypto'
import {
  commit,
  dropOldFacts,
  ensureAuditDays,
  migrate,
  openDatabase,
  queueDepth,
  readQueue,
} from '@claudemesh/db'
import { encodeBrokerFrame, MeshError, SIZES } from '@claudemesh/protocol'
import { inProcess } from './backplane/in-process.ts'
import type { Broker } from './broker.ts'
import { loadBrokerKey } from './broker-key.ts'
import { type Clock, systemClock } from './clock.ts'
import { BatchWriter } from './delivery/batch-writer.ts'
import { tellCommitted } from './delivery/committed.ts'
import { sweepExpired } from './delivery/expiry.ts'
import { createPushWindow } from './delivery/push-window.ts'
import { queueItems } from './delivery/queue-items.ts'
import { recipientIndex } from './delivery/recipient-index.ts'
import { sweepUnacked } from './delivery/redelivery.ts'
import { httpApp } from './http/app.ts'
import { openRates } from './limits/rates.ts'
import { beatLeases, LEASE_BEAT_MS, leaveNode, takeNode } from './presence/leases.ts'
import { openMeshes } from './roster/meshes.ts'
import { sweepDropped } from './roster/remove-member.ts'
import type { Settings } from './settings.ts'
import { openLog } from './telemetry/log.ts'
import { openMetrics } from './telemetry/metrics.ts'
import type { SocketData } from './ws/connection.ts'
import { beatSockets } from './ws/heartbeat.ts'
import { peerOf } from './ws/peer-of.ts'
import { socketHandlers, upgrade } from './ws/socket-handlers.ts'

export interface RunningBroker {
  readonly port: number
  /** 32 bytes: what `challenge` and the roster's `broker` entry name. */
  readonly brokerKey: Uint8Array
  /** `draining` to all, the last commit, close 1001, all let go. Idempotent. */
  stop(): Promise<void>
}

const MINUTE_MS = 60_000

/** Starts a broker. Throws `usage` for what a setting must change, `unreachable` or `conflict` of the database, `already-running` for a taken port. */
export async function startBroker(settings: Settings, clock: Clock = systemClock): Promise<RunningBroker> {
  await ready
  const log = openLog(settings.LOG_LEVEL)
  const key = loadBrokerKey(settings.BROKER_KEY, settings.BROKER_KEY_FILE)
  const db = await openDatabase({ url: settings.DATABASE_URL, applicationName: 'claudemesh-broker' })
  try {
    await migrate(db)
    await ensureAuditDays(db, { now: clock.now() })
    const broker = assemble(settings, clock, { log, key, db })
    await takeNode(broker)
    const server = listen(broker)
    const port = server.port ?? settings.PORT
    broker.hosts =
      settings.PUBLIC_HOSTS.length > 0 ? settings.PUBLIC_HOSTS : [`localhost:${port}`, `127.0.0.1:${port}`]
    const stopClocks = startClocks(broker)
    log.info('broker.started', { port, node: settings.NODE_NAME })
    let stopping: Promise<void> | undefined
    return { port, brokerKey: key.publicKey, stop: () => (stopping ??= drain(broker, server, stopClocks)) }
  } catch (cause) {
    await db.close()
    throw cause
  }
}

function assemble(
  settings: Settings,
  clock: Clock,
  { log, key, db }: Pick<Broker, 'log' | 'key' | 'db'>,
): Broker {
  const connections: Broker['connections'] = new Set()
  const meshes = openMeshes(db)
  const metrics = openMetrics({
    connections: () => connections.size,
    attachments: () => [...meshes.all()].reduce((n, mesh) => n + mesh.attachments.size, 0),
    waiting: () => lane.waiting,
    queued: () => queueDepth(db),
  })
  const window = createPushWindow({
    limits: {
      perRecipientCount: settings.WINDOW_ENVELOPES,
      perRecipientBytes: settings.WINDOW_BYTES,
      perSocketCount: settings.SOCKET_WINDOW_ENVELOPES,
      perSocketBytes: settings.SOCKET_WINDOW_BYTES,
      largestItem:
        settings.BODY_BYTES +
        settings.RECIPIENTS * (2 * SIZES.key + 1 + SIZES.prekeyId + SIZES.hash) +
        SIZES.opener +
        1024,
    },
    readQueue: async ({ mesh, recipient }, after, maxRows, maxBytes) =>
      queueItems(await readQueue(db, { mesh, recipient, after, maxRows, maxBytes })),
    now: clock.now,
    metrics,
    log,
  })
  const replaced = (attachment: Parameters<typeof window.wake>[0]) => {
    if (!attachment.live) return
    attachment.end()
    const standing = meshes.peek(attachment.mesh)?.attachments
    if (standing?.get(attachment.index) === attachment) standing.delete(attachment.index)
    attachment.socket.tellReplaced(attachment.recipient, attachment.number)
  }
  const lane: BatchWriter = new BatchWriter({
    maxRows: settings.BATCH_ROWS,
    commit: batch => commit(db, batch),
    committed: (batch, outcomes) =>
      tellCommitted(
        { window, redeliverMs: settings.REDELIVER_MS, now: clock.now, metrics, replaced },
        batch,
        outcomes,
      ),
    now: clock.now,
    metrics,
    log,
  })
  const backplane = inProcess(({ mesh, recipient }) => {
    const attachment = meshes.peek(mesh)?.attachments.get(recipientIndex(recipient))
    if (attachment !== undefined) window.wake(attachment)
  })
  return {
    settings,
    key,
    db,
    clock,
    log,
    metrics,
    rates: openRates(settings),
    meshes,
    lane,
    window,
    backplane,
    connections,
    undetached: new Set(),
    hosts: [],
    draining: false,
  }
}

function listen(broker: Broker): Bun.Server<SocketData> {
  const { settings } = broker
  const app = httpApp(broker)
  try {
    return Bun.serve<SocketData>({
      hostname: settings.HOST,
      port: settings.PORT,
      maxRequestBodySize: 1 << 16,
      // No stack in an answer, whatever NODE_ENV says.
      development: false,
      // Bun shares a port by itself where development is off: two brokers would split it in silence.
      reusePort: false,
      fetch(request, server) {
        const from = peerOf(request, server, settings.TRUST_PROXY === 'yes')
        if (new URL(request.url).pathname === '/ws') return upgrade(broker, request, server, from)
        return app.fetch(request, from)
      },
      websocket: socketHandlers(broker),
    })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'EADDRINUSE' || cause.code === 'EACCES'))
      throw new MeshError(
        'already-running',
        `Port ${settings.PORT} on ${settings.HOST} is taken or not allowed: choose another with PORT.`,
        { field: 'PORT', cause },
      )
    throw cause
  }
}

/** Starts everything that happens by time alone; answers how to stop it. */
function startClocks(broker: Broker): () => void {
  const { clock, settings, db, log } = broker
  const sweeps: [ms: number, name: string, work: () => unknown][] = [
    [Math.min(1000, settings.REDELIVER_MS), 'redelivery', () => sweepUnacked(broker)],
    [settings.EXPIRY_MS, 'expiry', () => sweepExpired(broker)],
    [settings.EXPIRY_MS, 'drops', () => sweepDropped(broker)],
    [settings.HEARTBEAT_MS, 'heartbeat', () => beatSockets(broker)],
    [LEASE_BEAT_MS, 'leases', () => beatLeases(broker)],
    [MINUTE_MS, 'memory', () => forget(broker)],
    [60 * MINUTE_MS, 'facts', () => dropOldFacts(db, { now: clock.now() })],
    [60 * MINUTE_MS, 'audit-days', () => ensureAuditDays(db, { now: clock.now() })],
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

function forget({ rates, meshes, clock }: Broker): void {
  rates.sweep(clock.now())
  meshes.sweep()
}

async function drain(broker: Broker, server: Bun.Server<SocketData>, stopClocks: () => void): Promise<void> {
  const { lane, connections, db, settings, log } = broker
  broker.draining = true
  stopClocks()
  const retryAfterMs = 1000
  for (const connection of connections)
    connection.sendJson(encodeBrokerFrame({ type: 'draining', retryAfterMs }))
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, settings.DRAIN_MS)
  await Promise.race([lane.idle(), late.promise])
  clearTimeout(timer)
  for (const connection of [...connections]) connection.close('goingAway')
  try {
    await leaveNode(broker)
  } catch (cause) {
    log.error('leases.unreleased', cause)
  }
  await server.stop(true)
  await db.close()
  log.info('broker.stopped', { waiting: lane.waiting })
}
