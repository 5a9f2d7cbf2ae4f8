/** Real members on a real broker and a real Postgres: what a test needs to make people talk. */
import { randomUUID } from 'node:crypto'
import { type Clock, type RunningBroker, readSettings, startBroker } from '@claudemesh/broker'
import { generateSigner } from '@claudemesh/crypto'
import { generateAgreement } from '@claudemesh/crypto/sealing'
import { type Profile, type Recipient, toBase64url } from '@claudemesh/protocol'
import { freshDatabase, stopSharedPostgres } from '@claudemesh/testkit'
import {
  createMesh,
  type InboxMessage,
  joinByInvite,
  MeshClient,
  type MeshEvents,
  type MeshIdentity,
  type Schedule,
  type SendRequest,
  type SessionIdentity,
  seedStore,
} from '../src/index.ts'
import { type MemoryStore, memoryStore } from './memory-store.ts'
import { noteLine, waited } from './standing.ts'

export interface World {
  readonly url: string
  readonly host: string
  broker: RunningBroker
  readonly databaseUrl: string
  /** A broker on the same port, database and key, but for what `more` and `clock` say otherwise. */
  restart(more?: Record<string, string>, clock?: Clock): Promise<void>
  stop(): Promise<void>
}

/** A broker on a database of its own, unless `more` names one. */
export async function startWorld(more: Record<string, string> = {}): Promise<World> {
  const database =
    more.DATABASE_URL === undefined
      ? await freshDatabase()
      : { url: more.DATABASE_URL, drop: () => Promise.resolve() }
  const env = {
    DATABASE_URL: database.url,
    BROKER_KEY: toBase64url(crypto.getRandomValues(new Uint8Array(32))),
    LOG_LEVEL: 'error',
    NODE_NAME: 'one',
    RATE_ENVELOPES: '0',
    RATE_FRAMES: '0',
    RATE_ADDRESS: '0',
    ...more,
  }
  const broker = await startBroker(readSettings({ ...env, BROKER_PORT: '0' }))
  const host = `127.0.0.1:${broker.port}`
  const world: World = {
    url: `ws://${host}/ws`,
    host,
    broker,
    databaseUrl: database.url,
    async restart(changes = {}, clock) {
      await world.broker.stop()
      world.broker = await startBroker(
        readSettings({ ...env, BROKER_PORT: String(broker.port), ...changes }),
        clock,
      )
    },
    async stop() {
      await world.broker.stop()
      await database.drop()
      await stopSharedPostgres()
    },
  }
  return world
}

/** One machine of one person: keys and store outlive the client that is started on them. */
export interface Machine {
  readonly identity: MeshIdentity
  readonly store: MemoryStore
  readonly sessions: SessionIdentity[]
  client: MeshClient
  /** Called at every event of whichever client runs on this machine. */
  readonly watchers: Set<() => void>
  /** A client on the same keys and store, as after a restart. */
  start(options?: { shift?: () => number; store?: MemoryStore; schedule?: Schedule }): Promise<MeshClient>
}

const newKeys = () => ({ member: generateSigner(), agreement: generateAgreement() })
export const profileOf = (name: string): Profile => ({
  name,
  role: '',
  groups: [],
  summary: '',
  directory: '/x',
})

function machine(identity: MeshIdentity, store: MemoryStore): Machine {
  const made: Machine = {
    identity,
    store,
    sessions: [],
    watchers: new Set(),
    client: undefined as unknown as MeshClient,
    async start({ shift = () => 0, store: on = store, schedule } = {}) {
      const client = new MeshClient({
        identity,
        store: on,
        now: () => Date.now() + shift(),
        log: (event, facts) => {
          noteLine(client, event, facts)
          if (process.env.DEBUG) console.log(event, facts)
        },
        random: () => 0,
        ...(schedule && { schedule }),
      })
      made.client = client
      for (const event of ['state', 'inbox', 'outbox'] as const)
        made.client.on(event, () => {
          for (const watcher of [...made.watchers]) watcher()
        })
      for (const session of made.sessions)
        await made.client.openSession({ ...session, profile: profileOf(session.uuid) })
      made.client.start()
      return made.client
    },
  }
  return made
}

export async function found(world: World, name = 'Alice'): Promise<Machine> {
  const keys = newKeys()
  const store = memoryStore()
  const { url, host } = world
  const seed = await createMesh({
    ...keys,
    url,
    host,
    name: 'Test mesh',
    memberName: name,
    now: Date.now,
    persist: made => seedStore(store, made),
  })
  const made = machine({ mesh: seed.mesh, url, host, ...keys }, store)
  await made.start()
  await online(made.client)
  return made
}

export async function join(world: World, link: string, name: string): Promise<Machine> {
  const keys = newKeys()
  const store = memoryStore()
  const { url, host } = world
  const seed = await joinByInvite({
    ...keys,
    link,
    memberName: name,
    now: Date.now,
    persist: made => seedStore(store, made),
  })
  const made = machine({ mesh: seed.mesh, url, host, ...keys }, store)
  await made.start()
  await online(made.client)
  return made
}

/** Founder and one who joined by the founder's invite; they know each other. */
export async function couple(world: World): Promise<{ alice: Machine; bob: Machine }> {
  const alice = await found(world)
  const { link } = await alice.client.invite({ role: 'member', uses: 5, expiresMs: 3_600_000 })
  const bob = await join(world, link, 'Bob')
  await when(alice.client, 'roster', () => alice.client.view().members === 2)
  return { alice, bob }
}

export const person = (one: Machine): Recipient => ({ member: one.identity.member.publicKey, session: null })

export async function openSession(
  one: Machine,
  name: string,
): Promise<{ uuid: string; recipient: Recipient }> {
  const session: SessionIdentity = { uuid: randomUUID(), signer: generateSigner() }
  one.sessions.push(session)
  await one.client.openSession({ ...session, profile: profileOf(name) })
  return {
    uuid: session.uuid,
    recipient: { member: one.identity.member.publicKey, session: session.signer.publicKey },
  }
}

export const text = (
  from: string | null,
  to: Recipient[],
  body: string,
  more: Partial<SendRequest> = {},
): SendRequest => ({
  from,
  to,
  text: body,
  priority: 'next',
  ttlMs: 86_400_000,
  replyTo: null,
  threadId: null,
  ...more,
})
export const textOf = (message: InboxMessage): string => (message.payload as { text: string }).text

/** Resolves when `holds` does, whichever client runs on the machine. */
export const whenever = (one: Machine, holds: () => boolean): Promise<void> =>
  waited(
    holds,
    () => one.client,
    look => {
      one.watchers.add(look)
      return () => one.watchers.delete(look)
    },
  )

/** Resolves when `holds` does, looked at now and after each event. */
export const when = <E extends keyof MeshEvents>(
  client: MeshClient,
  event: E,
  holds: () => boolean,
): Promise<void> =>
  waited(
    holds,
    () => client,
    look => client.on(event, look),
  )
export const online = (client: MeshClient): Promise<void> =>
  when(client, 'state', () => client.state === 'online')

/** Resolves when this many messages have been released into the mailbox. */
export const received = (client: MeshClient, uuid: string | null, count: number): Promise<void> =>
  when(client, 'inbox', () => client.inbox({ uuid }).length >= count)

export const reached = (client: MeshClient, msg: string, ...states: string[]): Promise<void> =>
  when(client, 'outbox', () =>
    (client.outboxMessage(msg)?.recipients ?? []).every(one => states.includes(one.state)),
  )
