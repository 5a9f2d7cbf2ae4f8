/** The people of an attack: each a real client on a real SQLite store, watched in all it says and logs. */
import { randomUUID } from 'node:crypto'
import {
  createMesh,
  joinByInvite,
  MeshClient,
  type MeshIdentity,
  type MeshSeed,
  seedStore,
} from '@claudemesh/client'
import { generateSigner, type Signer } from '@claudemesh/crypto'
import { generateAgreement } from '@claudemesh/crypto/sealing'
import { type PrekeyBundle, prekeyBundle, type Recipient, type Role, toBase64url } from '@claudemesh/protocol'
import { z } from 'zod'
import { type MeshStore, openMeshStore } from '../../src/daemon/store/client-store.ts'
import type { StoreFile } from '../../src/daemon/store/store-file.ts'
import { whenOnline } from '../../src/daemon/when-online.ts'
import type { Watch } from './watch.ts'

export interface Session {
  readonly uuid: string
  readonly signer: Signer
  readonly recipient: Recipient
}
/** One who has keys and a store, and is online with a client of this repository. */
export class Person {
  readonly log: { event: string; facts: Record<string, unknown> }[] = []
  /** Added to the clock. */
  shiftMs = 0
  /** Lengths of time that pass at once. */
  readonly rushed = new Set<number>()
  readonly sessions: Session[] = []
  client!: MeshClient
  readonly name: string
  readonly identity: MeshIdentity
  readonly store: MeshStore
  readonly #watch: Watch

  constructor(o: { name: string; identity: MeshIdentity; store: MeshStore; watch: Watch }) {
    this.name = o.name
    this.identity = o.identity
    this.store = o.store
    this.#watch = o.watch
  }

  get recipient(): Recipient {
    return { member: this.identity.member.publicKey, session: null }
  }
  /** Base64url of the member key. */
  get key(): string {
    return toBase64url(this.identity.member.publicKey)
  }

  /** Connects, or after `client.stop()` again, as after a restart of the machine. */
  async start(): Promise<this> {
    this.client = new MeshClient({
      identity: this.identity,
      store: this.store,
      now: () => Date.now() + this.shiftMs,
      log: (event, facts = {}) => {
        this.log.push({ event, facts })
        this.#watch.changed()
      },
      random: () => 0,
      schedule: (ms, work) => {
        const timer = setTimeout(work, this.rushed.has(ms) ? 1 : ms)
        return () => clearTimeout(timer)
      },
    })
    for (const event of ['state', 'inbox', 'outbox', 'presence', 'roster'] as const)
      this.client.on(event, () => this.#watch.changed())
    for (const { uuid, signer } of this.sessions)
      await this.client.openSession({ uuid, signer, profile: profileOf(this.name) })
    this.client.start()
    await whenOnline(this.client)
    return this
  }

  async open(name = this.name): Promise<Session> {
    const [uuid, signer] = [randomUUID(), generateSigner()]
    await this.client.openSession({ uuid, signer, profile: profileOf(name) })
    const session = { uuid, signer, recipient: { ...this.recipient, session: signer.publicKey } }
    this.sessions.push(session)
    return session
  }

  /** Answers the `msg`. */
  send(to: readonly Recipient[], text: string, from: string | null = null): Promise<string> {
    const terms = { priority: 'next', ttlMs: 86_400_000, replyTo: null, threadId: null } as const
    return this.client.send({ from, to: [...to], text, ...terms })
  }
  /** What a reader is shown, in order. */
  texts(uuid: string | null = null): string[] {
    return this.client.inbox({ uuid }).map(({ payload }) => (payload as { text: string }).text)
  }
  /** At which steps mail was refused, oldest first. */
  unopened(owner = ''): string[] {
    return this.store.inbox.unopened(owner).map(({ reason }) => reason)
  }
  stateOf(msg: string, to = 0): string {
    const recipient = this.client.outboxMessage(msg)?.recipients[to]
    return [recipient?.state, recipient?.why].filter(Boolean).join(' ')
  }
  /** Words of the log after this event, as `code: message`. */
  refusals(event: string): string[] {
    return this.log
      .filter(line => line.event === event)
      .map(({ facts }) => [facts.code, facts.message].filter(Boolean).join(': '))
  }
  /** `stopped integrity: …`, or the state alone. */
  get standing(): string {
    const { state, why } = this.client
    return why ? `${state} ${why.code}: ${why.message}` : state
  }
  /** The newest prekey that this person, or its session, has published. */
  prekey(owner = ''): PrekeyBundle {
    const [newest] = this.store.prekeys
      .all()
      .filter(row => row.owner === owner)
      .sort((a, b) => b.n - a.n)
    return z.decode(prekeyBundle, JSON.parse(newest!.bundle))
  }
}

const profileOf = (name: string) => ({ name, role: '', groups: [], summary: '', directory: '/x' })
const newKeys = () => ({ member: generateSigner(), agreement: generateAgreement() })

/** Whoever is made here lives on one broker and in one SQLite file. */
export class People {
  readonly all: Person[] = []
  readonly #o: { readonly host: string; readonly file: StoreFile; readonly watch: Watch }

  constructor(o: { host: string; file: StoreFile; watch: Watch }) {
    this.#o = o
  }

  async found(name = 'Alice'): Promise<Person> {
    const { host } = this.#o
    const keys = newKeys()
    const url = `ws://${host}/ws`
    const seed = await createMesh({
      ...keys,
      url,
      host,
      name: 'Test mesh',
      memberName: name,
      now: Date.now,
      persist: made => this.#seed(made),
    })
    return this.#add(name, { mesh: seed.mesh, url, host, ...keys })
  }

  /** Throws what `joinByInvite` throws. */
  async join(link: string, name: string): Promise<Person> {
    const { host } = this.#o
    const keys = newKeys()
    const url = `ws://${host}/ws`
    const seed = await joinByInvite({
      ...keys,
      link,
      memberName: name,
      now: Date.now,
      persist: made => this.#seed(made),
    })
    return this.#add(name, { mesh: seed.mesh, url, host, ...keys })
  }

  /** The founder and these, everybody knowing everybody. */
  async mesh(...names: string[]): Promise<Person[]> {
    const founder = await this.found()
    const all = [founder]
    for (const name of names) all.push(await this.join(await invite(founder), name))
    const { length } = all
    await this.#o.watch.until('everybody knows everybody', () =>
      all.every(({ client }) => client.state === 'online' && client.view().members === length),
    )
    return all
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.splice(0).map(({ client }) => client.stop()))
  }

  #seed(seed: MeshSeed): void {
    seedStore(this.#storeOf(seed.mesh), seed)
  }
  /** A store for each who joins: one mesh of the file is one person's. */
  #storeOf(mesh: Uint8Array): MeshStore {
    return openMeshStore(this.#o.file, `${toBase64url(mesh)} ${this.all.length}`)
  }
  #add(name: string, identity: MeshIdentity): Promise<Person> {
    const person = new Person({ name, identity, store: this.#storeOf(identity.mesh), watch: this.#o.watch })
    this.all.push(person)
    return person.start()
  }
}

export const invite = async (by: Person, role: Exclude<Role, 'owner'> = 'member'): Promise<string> =>
  (await by.client.invite({ role, uses: 9, expiresMs: 3_600_000 })).link
