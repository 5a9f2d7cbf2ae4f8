/** One person's machine: keys and store outlive the client that runs on them, and so does what the model was shown. */
import {
  type ClientStore,
  type InboxMessage,
  MeshClient,
  type MeshIdentity,
  type SessionIdentity,
} from '@claudemesh/client'
import { recipientKey } from '@claudemesh/crypto'
import { type Priority, type Recipient, toBase64url } from '@claudemesh/protocol'
import type { HistoryEvent } from './history.ts'
import type { Network } from './network.ts'
import { type DiskParts, processStore } from './process-store.ts'
import type { Random } from './random.ts'
import { Process, type Scheduler } from './scheduler.ts'

export interface MachineParts {
  readonly name: string
  readonly identity: MeshIdentity
  readonly sessions: readonly SessionIdentity[]
  /** Its disk. */
  readonly store: ClientStore
  readonly scheduler: Scheduler
  readonly network: Network
  readonly random: Random
  readonly record: (event: HistoryEvent) => void
  /** Wraps the store of a process, where a fault is planted. */
  readonly faulty: (store: ClientStore, process: Process) => ClientStore
  /** The receiving side's word goes out before the model has seen the message: a planted fault. */
  readonly tellsFirst: boolean
}

/** Longest time between the release of a message and its reader's turn, ms. */
const READ_MS = 8000

export class Machine {
  readonly #o: MachineParts
  #process: Process | null = null
  #client: MeshClient | null = null
  /** Messages that stood in the model's context: a transcript survives its process. */
  readonly #context = new Set<string>()
  #deathIn: { commits: number; when: 'before' | 'after' } | null = null
  /** ms that its clock is off. */
  skewMs = 0

  constructor(o: MachineParts) {
    this.#o = o
  }

  get name(): string {
    return this.#o.name
  }
  get store(): ClientStore {
    return this.#o.store
  }
  /** The client that runs; `null` while none does. */
  get client(): MeshClient | null {
    return this.#process?.alive ? this.#client : null
  }
  get member(): string {
    return toBase64url(this.#o.identity.member.publicKey)
  }
  /** Mailboxes: the person, then the sessions. */
  get mailboxes(): { readonly uuid: string | null; readonly recipient: Recipient }[] {
    const member = this.#o.identity.member.publicKey
    return [
      { uuid: null, recipient: { member, session: null } },
      ...this.#o.sessions.map(({ uuid, signer }) => ({
        uuid,
        recipient: { member, session: signer.publicKey },
      })),
    ]
  }
  readonly keyOf = (uuid: string | null): string =>
    recipientKey(this.mailboxes.find(box => box.uuid === uuid)!.recipient)

  start(): void {
    if (this.#process?.alive) return
    const { identity, scheduler, network, random, sessions, record, faulty } = this.#o
    const process = new Process(this.name)
    this.#process = process
    const disk: DiskParts = {
      process,
      stored: rows => {
        for (const { owner, from, msg } of rows)
          record({ type: 'stored', to: this.keyOf(owner === '' ? null : owner), from, msg })
      },
      // Also where it died behind the commit, and nobody was told.
      sent: all => {
        for (const { owner, to, msg, ttlMs } of all)
          record({ type: 'sent', from: this.keyOf(owner === '' ? null : owner), to, msg, ttlMs })
      },
      dies: () => this.#fate(),
      die: () => this.crash(random.chance(0.3)),
    }
    const client = new MeshClient({
      identity,
      store: faulty(processStore(this.#o.store, disk), process),
      now: () => scheduler.now() + this.skewMs,
      schedule: (ms, work) => scheduler.after(process, ms, work),
      turn: work => void scheduler.after(process, 0, work),
      random: () => random.fraction(),
      webSocket: network.webSocket(process, this.name),
      log: () => {},
    })
    this.#client = client
    client.on('inbox', ({ uuid, messages }) => {
      for (const message of messages) this.#released(process, uuid, message)
    })
    client.on('outbox', ({ msg, to, state, why }) => {
      const from = client.speakerOf(msg)
      if (from === undefined) return
      record({ type: 'told', from: this.keyOf(from), to: recipientKey(to), msg, state, why })
    })
    for (const { uuid, signer } of sessions) {
      const profile = { name: this.name, role: '', groups: [], summary: '', directory: '/' }
      void client.openSession({ uuid, signer, profile }).catch(() => {})
    }
    client.start()
    for (const message of client.inbox({ states: ['unread', 'pushed'] })) this.#read(process, message)
  }

  /** The process is gone. `silently`: the whole machine is, and nobody closes its sockets. */
  crash(silently: boolean): void {
    if (!this.#process?.alive) return
    this.#o.network.died(this.#process, silently)
    this.#process.alive = false
    this.#deathIn = null
  }

  /** It will die at one of its next commits. */
  dieAtCommit(commits: number, when: 'before' | 'after'): void {
    this.#deathIn = { commits, when }
  }

  send(uuid: string | null, to: readonly Recipient[], priority: Priority, ttlMs: number): void {
    const { client } = this
    if (!client) return
    const { record } = this.#o
    const request = { from: uuid, to, text: 'x', priority, ttlMs, replyTo: null, threadId: null }
    client
      .send(request)
      .catch(error => record({ type: 'nemesis', what: `${this.name} did not send: ${String(error)}` }))
  }

  #fate(): 'before' | 'after' | null {
    if (!this.#deathIn || --this.#deathIn.commits > 0) return null
    return this.#deathIn.when
  }

  #released(process: Process, uuid: string | null, message: InboxMessage): void {
    const { from, msg, late } = message
    this.#o.record({ type: 'released', to: this.keyOf(uuid), from: recipientKey(from), msg, late })
    this.#read(process, message)
  }

  /** The model sees it in its turn; its sender hears of it behind that. */
  #read(process: Process, { uuid, from, msg }: InboxMessage): void {
    const { scheduler, random, record, tellsFirst } = this.#o
    const place = `${this.keyOf(uuid)} ${recipientKey(from)} ${msg}`
    const show = () => {
      if (this.#context.has(place)) return
      this.#context.add(place)
      record({ type: 'shown', to: this.keyOf(uuid), msg })
    }
    const tell = () => this.#client?.markSurfaced(uuid, [msg])
    const [first, second] = tellsFirst ? [tell, show] : [show, tell]
    scheduler.after(process, random.fraction() * READ_MS, () => {
      first()
      scheduler.after(process, random.fraction() * 100, second)
    })
  }
}
