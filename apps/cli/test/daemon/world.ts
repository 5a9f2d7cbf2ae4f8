/** Real daemons in this process, each in a home of its own, and a real broker on a real Postgres between them. */
import { type RunningBroker, readSettings, startBroker } from '@claudemesh/broker'
import { toBase64url } from '@claudemesh/protocol'
import { freshDatabase } from '@claudemesh/testkit'
import { onTestFinished } from 'vitest'
import { callDaemon, type DaemonRequest, followDaemon } from '../../src/api/client.ts'
import type { RouteName } from '../../src/api/routes.ts'
import type { InboxMessage, Peer, SendReply, TraceStep } from '../../src/api/schema.ts'
import { type RunningDaemon, runDaemon } from '../../src/daemon/index.ts'
import { homePaths } from '../../src/home/index.ts'
import { scratchFolder } from './scratch.ts'

export interface Machine {
  readonly home: string
  call<T = Record<string, never>>(route: RouteName, request?: DaemonRequest): Promise<T>
  send(to: string, text: string, more?: Record<string, unknown>): Promise<SendReply>
  inbox(query?: DaemonRequest['query'], token?: string): Promise<InboxMessage[]>
  /** Resolves with the first message that a reader who stays is given. */
  next(query?: DaemonRequest['query']): Promise<InboxMessage>
  peers(): Promise<Peer[]>
  trace(id: string): Promise<TraceStep[]>
  open(
    uuid: string,
    more?: Record<string, unknown>,
  ): Promise<{ session: string; name: string; tokenFile: string }>
  start(): Promise<void>
  stop(): Promise<void>
}

/** A machine whose daemon runs, by this clock, in a home of its own. */
export async function machine(
  now: () => number = Date.now,
  home: string = scratchFolder(),
): Promise<Machine> {
  let daemon: RunningDaemon | undefined
  const call: Machine['call'] = async <T>(route: RouteName, request: DaemonRequest = {}) =>
    (await callDaemon(route, { token: await tokenIn(homePaths(home).token), ...request, home })) as T
  const lines = async (query: DaemonRequest['query'] = {}, token?: string) =>
    followDaemon('inbox', {
      home,
      query,
      token: token ?? (await tokenIn(homePaths(home).token)),
    })
  const made: Machine = {
    home,
    call,
    send: (to, text, more = {}) =>
      call('send', { body: { to: to.split(' '), text, wait: 'delivered', ...more } }),
    inbox: async (query, token) => {
      const all: InboxMessage[] = []
      for await (const line of await lines(query, token)) all.push(line as InboxMessage)
      return all
    },
    next: async query => {
      for await (const line of await lines({ ...query, follow: true })) return line as InboxMessage
      throw new Error('the inbox ended')
    },
    peers: () => call('peers'),
    trace: id => call('trace', { params: { id } }),
    open: (uuid, more = {}) => call('openSession', { body: { uuid, ...more } }),
    start: async () => {
      daemon = await runDaemon({ home, now })
    },
    stop: async () => {
      await daemon?.stop()
      daemon = undefined
    },
  }
  await made.start()
  onTestFinished(made.stop)
  return made
}

const tokenIn = async (path: string): Promise<string> => (await Bun.file(path).text()).trim()

export const readToken = tokenIn

export interface TestBroker {
  readonly url: string
  start(): Promise<void>
  stop(): Promise<void>
}

/** A broker that can be stopped and started again on its port, with its key and its database. */
export async function broker(): Promise<TestBroker> {
  const database = await freshDatabase()
  const env = {
    DATABASE_URL: database.url,
    BROKER_KEY: toBase64url(crypto.getRandomValues(new Uint8Array(32))),
    LOG_LEVEL: 'error',
    RATE_ENVELOPES: '0',
    RATE_FRAMES: '0',
    RATE_ADDRESS: '0',
  }
  let running: RunningBroker | undefined = await startBroker(readSettings({ ...env, BROKER_PORT: '0' }))
  const { port } = running
  const stop = async () => {
    await running?.stop()
    running = undefined
  }
  onTestFinished(async () => {
    await stop()
    await database.drop()
  })
  return {
    url: `http://127.0.0.1:${port}`,
    start: async () => {
      running = await startBroker(readSettings({ ...env, BROKER_PORT: String(port) }))
    },
    stop,
  }
}

export interface Pair {
  readonly server: TestBroker
  readonly alice: Machine
  readonly bob: Machine
}

/** Alice founded a mesh, Bob is in it. */
export async function pair(): Promise<Pair> {
  const server = await broker()
  const [alice, bob] = [await machine(), await machine()]
  await alice.call('createMesh', { body: { name: 'home', broker: server.url, memberName: 'alice' } })
  await admit(alice, bob, 'bob')
  return { server, alice, bob }
}

export async function admit(owner: Machine, guest: Machine, name: string): Promise<void> {
  const { link } = await owner.call<{ link: string }>('createInvite', { body: {} })
  await guest.call('join', { body: { link, name } })
}
