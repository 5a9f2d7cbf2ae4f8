/** News between nodes over core NATS. It may be away at the start, go and come back: the broker works on, and looks for itself meanwhile. */
import { MeshError } from '@claudemesh/protocol'
import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node'
import type { Log } from '../telemetry/log.ts'
import type { Backplane, BackplaneState, News } from './news.ts'
import type { NewsCodec } from './news-codec.ts'

/** Between two tries to connect, and to come back. */
const RETRY_MS = 500
/** A server that is silent for twice this is gone. */
const PING_MS = 5000

export interface NatsParts {
  /** As `natsServers` reads them. */
  readonly servers: NatsServers
  readonly codec: NewsCodec
  readonly log: Log
}

type NatsServers = Pick<ConnectionOptions, 'servers' | 'user' | 'pass' | 'token' | 'tls'>

/**
 * The servers of a `NATS_URL`: `nats://` or `tls://`, commas between; user and password, or a token alone, in the first.
 * Throws `usage` for anything else, without quoting it.
 */
export function natsServers(value: string): NatsServers {
  const urls = value.split(',').map(part => URL.parse(part.trim()))
  const [first] = urls
  const fine = urls.every(url => url !== null && /^(nats|tls):$/.test(url.protocol) && url.hostname !== '')
  if (!fine || !first)
    throw new MeshError('usage', 'NATS_URL must be nats:// or tls:// addresses, commas between.', {
      field: 'NATS_URL',
    })
  const [user, pass] = [decodeURIComponent(first.username), decodeURIComponent(first.password)]
  return {
    servers: urls.map(url => url!.host),
    ...(first.protocol === 'tls:' ? { tls: {} } : {}),
    ...(user === '' ? {} : pass === '' ? { token: user } : { user, pass }),
  }
}

/** Connects in the background, for as long as it takes; `listen` begins it. */
export function natsBackplane({ servers, codec, log }: NatsParts): Backplane {
  const count = { in: 0, out: 0, refused: 0 }
  let state: BackplaneState = 'disconnected'
  let connection: NatsConnection | undefined
  const over = Promise.withResolvers<void>()
  let closed = false
  let running: Promise<void> = Promise.resolve()

  async function run(arrive: (news: News) => void, missed: () => void): Promise<void> {
    let told = false
    while (!closed) {
      try {
        connection = await connect({
          ...servers,
          name: 'claudemesh-broker',
          noEcho: true,
          maxReconnectAttempts: -1,
          reconnectTimeWait: RETRY_MS,
          pingInterval: PING_MS,
        })
      } catch (cause) {
        if (!told) log.warn('backplane.unreachable', { why: whyOf(cause) })
        told = true
        await Promise.race([Bun.sleep(RETRY_MS), over.promise])
        continue
      }
      if (closed) return connection.close()
      connection.subscribe(codec.subject, {
        callback(error, message) {
          if (error !== null) return log.warn('backplane.refused', { why: whyOf(error) })
          const news = codec.decode(message.data)
          if (news === null) return void count.refused++
          count.in++
          if ('again' in news) missed()
          else arrive(news)
        },
      })
      await connection.flush().catch(() => {})
      up(connection, missed)
      await follow(connection, missed)
      state = 'disconnected'
    }
  }

  /** Until this connection is closed for good. */
  async function follow(open: NatsConnection, missed: () => void): Promise<void> {
    for await (const status of open.status()) {
      if (status.type === 'disconnect') {
        state = 'disconnected'
        if (!closed) log.warn('backplane.disconnected')
      } else if (status.type === 'reconnect') up(open, missed)
      else if (status.type === 'error') log.warn('backplane.refused', { why: whyOf(status.error) })
    }
  }

  /** What we did meanwhile nobody was told, and what others did we did not hear. */
  function up(open: NatsConnection, missed: () => void): void {
    state = 'connected'
    log.info('backplane.connected')
    open.publish(codec.subject, codec.encode({ again: true }))
    missed()
  }

  return {
    count,
    get state() {
      return state
    },
    tell(news) {
      // What waits for a server to come back would be old news: who missed it looks.
      if (state !== 'connected' || connection === undefined) return
      try {
        connection.publish(codec.subject, codec.encode(news))
        count.out++
      } catch (cause) {
        log.warn('backplane.untold', { why: whyOf(cause) })
      }
    },
    listen(arrive, missed) {
      running = run(arrive, missed).catch(cause => log.error('backplane.failed', cause))
    },
    async close() {
      closed = true
      over.resolve()
      if (state === 'connected') await connection?.flush().catch(() => {})
      await connection?.close().catch(() => {})
      await running
    },
  }
}

/** The name of a failure: its text may hold an address. */
const whyOf = (cause: unknown): string => (cause instanceof Error ? cause.name : typeof cause)
