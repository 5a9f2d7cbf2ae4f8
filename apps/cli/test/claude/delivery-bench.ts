/** Delivery, launch and tools with a real client: messages in memory behind the daemon's socket, no broker and no daemon around. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findTranscript } from '@claudemesh/claude'
import {
  type ModelStub,
  makeScratchHome,
  openTerminal,
  type ScratchHome,
  sessionFile,
  type Terminal,
  until,
} from '@claudemesh/testkit'
import type { InboxMessage } from '../../src/api/schema.ts'
import { createDelivery } from '../../src/delivery/deliver.ts'
import type { Delivery } from '../../src/delivery/port.ts'
import { openHookRelay } from '../../src/launch/hook-relay.ts'
import { writePluginDir } from '../../src/launch/plugin-dir.ts'
import { inboxMessage } from '../delivery/inbox-message.ts'

export interface Bench {
  readonly at: ScratchHome
  readonly uuid: string
  readonly delivery: Delivery
  /** Ids in the order in which they were said to be surfaced, with the proof. */
  readonly surfaced: { id: string; proof: string }[]
  readonly hooks: string[]
  readonly logged: string[]
  /** By which way each pack was handed over. */
  readonly ways: string[]
  /** What was said to be surfaced before any request to the model held it: always a lie. */
  readonly early: string[]
  /** The clock of delivery goes on by so much at once. */
  later(ms: number): void
  /** What the client has written of the conversation. */
  transcript(): string
  /** Puts messages into the inbox and wakes delivery. */
  arrive(...messages: InboxMessage[]): void
  surfacedAll(ids: readonly string[]): Promise<void>
  /** Resolves when the client was given the message, by socket or hook. */
  handedOver(id: string): Promise<void>
  /** Resolves when delivery has logged something that matches. */
  says(pattern: RegExp): Promise<void>
  /** What else was asked of the daemon: method, path, body and the bearer. */
  readonly asked: { what: string; body: unknown; token: string | undefined }[]
  /** The command line of `claudemesh`, with this bench's home. */
  cli(...args: string[]): string[]
  /** Starts the client on a terminal, as launch does, and waits until it is idle. */
  start(...args: string[]): Promise<Terminal>
  /** A new delivery over the same messages, as after a restart of the daemon. */
  restart(): void
  close(): Promise<void>
}

const MAIN = join(import.meta.dirname, '../../src/main.ts')

/** `hooksReach`: whether hooks find anybody; `wakes`: whether the one that wakes is let wait. */
export function makeBench(
  model: ModelStub,
  claude: string,
  o: { hooksReach?: boolean; wakes?: boolean } = {},
): Bench {
  const at = makeScratchHome(model.url)
  const home = join(at.root, 'mesh')
  mkdirSync(join(home, 'run'), { recursive: true, mode: 0o700 })
  const uuid = randomUUID()
  const inbox: InboxMessage[] = []
  const surfaced: Bench['surfaced'] = []
  const hooks: string[] = []
  const logged: string[] = []
  const ways: string[] = []
  const early: string[] = []
  let ahead = 0
  const watchers = new Set<() => void>()
  const set = (ids: string[], state: InboxMessage['state']): void => {
    for (const message of inbox) if (ids.includes(message.id)) message.state = state
  }
  const say = (what: string): void => {
    logged.push(what)
    for (const watcher of watchers) watcher()
  }
  const make = (): Delivery =>
    createDelivery({
      waiting: () => inbox.filter(m => m.state === 'unread' || m.state === 'pushed'),
      toAnnounce: () => [],
      pushed(_, ids, way) {
        set(ids, 'pushed')
        ways.push(way)
        for (const watcher of watchers) watcher()
      },
      surfaced(_, ids, proof) {
        set(ids, 'surfaced')
        surfaced.push(...ids.map(id => ({ id, proof })))
        early.push(...ids.filter(id => !model.requests.some(({ whole }) => whole.includes(id))))
        for (const watcher of watchers) watcher()
      },
      log: (event, facts) => say(`${event} ${JSON.stringify(facts)}`),
      unconfirmed: (_, ids, way) => say(`unconfirmed ${ids} ${way}`),
      held: (_, ids, why) => say(`held ${ids} ${why}`),
      now: () => Date.now() + ahead,
    })
  const bench = { delivery: make() }
  const socket = join(home, 'daemon.sock')
  const asked: Bench['asked'] = []
  const tokenFile = join(home, 'run', `${uuid}.token`)
  const relay = openHookRelay({ home, tokenFile })
  const options: Bun.Serve.Options<undefined> = {
    unix: socket,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      const body = request.method === 'POST' ? await request.json().catch(() => null) : null
      if (pathname === '/v1/wake') {
        // A session that launch opened is open at the daemon, which lets it wait.
        if (bench.delivery.ladder(uuid) === undefined)
          await new Promise(resolve => request.signal.addEventListener('abort', resolve))
        const words = o.wakes === false ? undefined : await bench.delivery.waiter(uuid, request.signal)
        return words === undefined ? new Response(null, { status: 204 }) : new Response(words)
      }
      if (pathname === '/v1/hook') {
        hooks.push(body.hook_event_name)
        return Response.json(bench.delivery.hook(uuid, body))
      }
      asked.push({
        what: `${request.method} ${pathname}`,
        body,
        token: request.headers.get('authorization')?.slice(7),
      })
      if (pathname === '/v1/sessions') {
        const session = 's'.repeat(43)
        return Response.json({ uuid: body.uuid, session, mesh: 'home', name: 'web', tokenFile })
      }
      if (pathname === '/v1/send') {
        const id = '019a0000-0000-7000-8000-0000000000ff'
        const recipients = [
          {
            to: body.to[0],
            session: null,
            state: 'pending',
            why: 'no broker',
            verified: false,
            nameTaken: false,
            verifiedAs: null,
          },
        ]
        return Response.json({ id, recipients, reached: false, unconfirmedSince: null })
      }
      if (pathname === '/v1/inbox') return new Response(inbox.map(m => `${JSON.stringify(m)}\n`).join(''))
      return Response.json([])
    },
  }
  const server = Bun.serve(Object.assign(options, { idleTimeout: 0 }))
  writeFileSync(
    join(home, 'daemon.json'),
    JSON.stringify({ socket: o.hooksReach === false ? `${socket}x` : socket }),
  )
  writeFileSync(join(home, 'token'), 'user-token', { mode: 0o600 })
  writeFileSync(tokenFile, 'session-token', { mode: 0o600 })
  at.env.CLAUDEMESH_HOME = home
  at.env.CLAUDE_BIN = claude
  const open = (): void => bench.delivery.opened({ uuid, claudeConfigDir: join(at.home, '.claude') })
  const terminals: Terminal[] = []
  const seen = (holds: () => boolean): Promise<true> =>
    until(
      () => (holds() ? true : undefined),
      look => {
        watchers.add(look)
        return () => watchers.delete(look)
      },
      30_000,
      () =>
        `surfaced ${JSON.stringify(surfaced)}; hooks ${hooks}; log ${logged.join('\n')}\n${terminals.at(-1)?.screen()}`,
    )
  return {
    at,
    uuid,
    surfaced,
    hooks,
    asked,
    logged,
    ways,
    early,
    transcript() {
      const path = findTranscript(join(at.home, '.claude'), uuid)
      return path === undefined ? '' : readFileSync(path, 'utf8')
    },
    later(ms) {
      ahead += ms
      bench.delivery.wake(uuid)
    },
    cli: (...args) => [process.execPath, '--no-env-file', '--config=/dev/null', MAIN, ...args],
    get delivery() {
      return bench.delivery
    },
    arrive(...messages) {
      inbox.push(...messages)
      bench.delivery.wake(uuid)
    },
    async surfacedAll(ids) {
      await seen(() => ids.every(id => surfaced.some(s => s.id === id)))
    },
    async handedOver(id) {
      await seen(() => inbox.some(message => message.id === id && message.state !== 'unread'))
    },
    async says(pattern) {
      await seen(() => logged.some(line => pattern.test(line)))
    },
    async start(...args) {
      open()
      const plugin = writePluginDir(tokenFile, relay)
      const id = args.includes('--resume') ? [] : ['--session-id', uuid]
      const here = { ...at, env: { ...at.env, CLAUDEMESH_TOKEN_FILE: tokenFile } }
      const terminal = openTerminal(here, [
        claude,
        '--permission-mode',
        'manual',
        '--plugin-dir',
        plugin,
        ...id,
        ...args,
      ])
      terminals.push(terminal)
      await sessionFile(at, file => file.sessionId === uuid && file.status !== undefined)
      await terminal.shows(/manual mode on/)
      return terminal
    },
    restart() {
      bench.delivery.stop()
      bench.delivery = make()
      open()
    },
    async close() {
      bench.delivery.stop()
      for (const terminal of terminals) await terminal.close()
      await relay.stop()
      await server.stop(true)
      at.remove()
    },
  }
}

let messages = 0
/** A message that arrived from alice/api. */
export function fromAlice(text: string, change: Partial<InboxMessage> = {}): InboxMessage {
  const now = Date.now()
  return inboxMessage(++messages, { text, sentAt: now, receivedAt: now, ...change })
}
