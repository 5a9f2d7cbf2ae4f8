/** Starts a broker: key, database, parts, port, sweeps, in this order; and hands out how to stop it. */
import { brokerStore, ensureAuditDays, migrate, openAsWriter, openDatabase } from '@claudemesh/db'
import { MeshError } from '@claudemesh/protocol'
import { openBackplane } from './backplane/open-backplane.ts'
import type { Broker } from './broker.ts'
import { loadBrokerKey } from './broker-key.ts'
import { type Clock, systemClock } from './clock.ts'
import { httpApp } from './http/app.ts'
import { type Listening, runBroker } from './run-broker.ts'
import type { Settings } from './settings.ts'
import { openLog } from './telemetry/log.ts'
import { openTracing } from './telemetry/open-tracing.ts'
import type { SocketData } from './ws/connection.ts'
import { peerOf } from './ws/peer-of.ts'
import { socketHandlers, upgrade } from './ws/socket-handlers.ts'

const APPLICATION = 'claudemesh-broker'

export interface RunningBroker {
  readonly port: number
  /** 32 bytes: what `challenge` and the roster's `broker` entry name. */
  readonly brokerKey: Uint8Array
  /** `draining` to all, the last commit, close 1001, all let go. Idempotent. */
  stop(): Promise<void>
}

/** Starts a broker. Throws `usage` for what a setting must change, `unreachable` or `conflict` of the database, `already-running` for a taken port. */
export async function startBroker(settings: Settings, clock: Clock = systemClock): Promise<RunningBroker> {
  const tracing = await openTracing(settings)
  const log = openLog(settings.LOG_LEVEL, tracing?.ids)
  tracing?.tellTo(log)
  const key = loadBrokerKey(settings.BROKER_KEY, settings.BROKER_KEY_FILE)
  await migrateDatabase(settings.DATABASE_URL, clock)
  const { db, guarded } = await openAsWriter({ url: settings.DATABASE_URL, applicationName: APPLICATION })
  if (!guarded)
    log.warn('audit.unguarded', {
      why: 'the role of DATABASE_URL may not make or take the role claudemesh_writer',
    })
  try {
    let port = settings.BROKER_PORT
    const open = (broker: Broker): Listening => {
      const server = listen(broker)
      port = server.port ?? port
      const hosts =
        settings.PUBLIC_HOSTS.length > 0 ? settings.PUBLIC_HOSTS : [`localhost:${port}`, `127.0.0.1:${port}`]
      return { hosts, close: () => server.stop(true) }
    }
    const store = brokerStore(db)
    await store.keepFunctions()
    const backplane = await openBackplane(settings, { log, key, db: store })
    const { stop } = await runBroker(settings, { clock, log, key, db: store, backplane, tracing }, open)
    log.info('broker.started', { port, node: settings.NODE_NAME })
    return { port, brokerKey: key.publicKey, stop }
  } catch (cause) {
    await db.close()
    throw cause
  }
}

/**
 * Brings the database to this version, as its owner: what runs afterwards may not. Whoever else does the same waits. Throws
 * `unreachable`, `unauthenticated` or `not-found` of the database, `conflict` where it is newer than this program.
 */
export async function migrateDatabase(url: string, clock: Clock = systemClock): Promise<void> {
  const db = await openDatabase({ url, max: 1, applicationName: APPLICATION })
  try {
    await migrate(db)
    await ensureAuditDays(db, { now: clock.now() })
  } finally {
    await db.close()
  }
}

function listen(broker: Broker): Bun.Server<SocketData> {
  const { settings } = broker
  const app = httpApp(broker)
  try {
    return Bun.serve<SocketData>({
      hostname: settings.HOST,
      port: settings.BROKER_PORT,
      maxRequestBodySize: 1 << 16,
      // No stack in an answer, whatever NODE_ENV says.
      development: false,
      // Bun shares a port by itself where development is off: two brokers would split it in silence.
      reusePort: false,
      fetch(request, server) {
        const page = URL.parse(request.url)
        // CONNECT names a host and no page.
        if (page === null) return new Response(null, { status: 400 })
        const from = peerOf(request, server, settings.TRUST_PROXY)
        if (page.pathname === '/ws') return upgrade(broker, request, server, from)
        return app.fetch(request, from)
      },
      websocket: socketHandlers(broker),
    })
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'EADDRINUSE' || cause.code === 'EACCES'))
      throw new MeshError(
        'already-running',
        `Port ${settings.BROKER_PORT} on ${settings.HOST} is taken or not allowed: choose another with BROKER_PORT.`,
        { field: 'BROKER_PORT', cause },
      )
    throw cause
  }
}
