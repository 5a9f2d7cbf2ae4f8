/** Heads of the audit log: the newest one that is pinned, and those that peers were shown and nobody has proven yet. Both outlive a restart. */
import { type Checkpoint, openCheckpoint } from '@claudemesh/crypto'
import { MeshError, toBase64url } from '@claudemesh/protocol'
import { z } from 'zod'
import type { RosterKeeper } from '../roster/keeper.ts'
import type { ClientStore } from '../store.ts'

const PINNED = 'audit-checkpoint'
const HEARD = 'audit-heard'
/** Heads of one member that wait to be proven: a signed one comes every few seconds at most. */
const HEARD_OF_ONE = 8
const HEARD_KEPT = 256
const PROVEN_KEPT = 1024

const storedHeard = z.array(z.object({ note: z.string(), from: z.string(), waitedMs: z.int() }))

/** A head that stood in an envelope. */
export interface HeardHead {
  readonly note: string
  /** Member key of the first who showed it, base64url. */
  readonly from: string
  /** How long we were connected since. */
  readonly waitedMs: number
}
export interface PinnedHead {
  readonly note: string
  readonly checkpoint: Checkpoint
}

export class AuditHeads {
  readonly #store: ClientStore
  readonly #keeper: RosterKeeper
  #pinned: PinnedHead | null
  #heard: readonly HeardHead[]
  readonly #proven = new Set<string>()
  /** Ids of sealings whose `accepted` was proven by inclusion since the start. */
  readonly proven = new Set<string>()

  constructor(store: ClientStore, keeper: RosterKeeper) {
    this.#store = store
    this.#keeper = keeper
    const note = store.settings.get(PINNED) ?? ''
    this.#pinned = note === '' ? null : { note, checkpoint: this.open(note) }
    if (note !== '') this.#proven.add(note)
    this.#heard = storedHeard.parse(JSON.parse(store.settings.get(HEARD) ?? '[]'))
  }

  get pinned(): PinnedHead | null {
    return this.#pinned
  }
  /** Heads that wait to be proven consistent with the pinned one. */
  get heard(): readonly HeardHead[] {
    return this.#heard
  }

  /** A note that a broker key of the roster signed for this mesh. Throws `bad-field`, `bad-signature`. */
  open(note: string): Checkpoint {
    return openCheckpoint(note, { mesh: this.#keeper.roster.mesh, keys: this.#keeper.brokerKeys })
  }

  /** Notes a head that a member carried; nothing is checked yet. */
  hear(member: Uint8Array, note: string): void {
    if (this.#proven.has(note) || this.#heard.some(head => head.note === note)) return
    const from = toBase64url(member)
    const own = this.#heard.filter(head => head.from === from)
    if (own.length >= HEARD_OF_ONE || this.#heard.length >= HEARD_KEPT) return
    this.#keep([...this.#heard, { note, from, waitedMs: 0 }])
  }

  /** Pins a head that was proven to follow the one before. */
  pin(note: string, checkpoint: Checkpoint): void {
    this.#store.settings.set(PINNED, note)
    this.#pinned = { note, checkpoint }
    this.settled(note)
  }

  /** A head that begins, or is, the pinned log. */
  settled(note: string): void {
    if (this.#proven.size >= PROVEN_KEPT) this.#proven.clear()
    this.#proven.add(note)
    this.forget(note)
  }

  /** A head that says nothing: it was not signed, or is of a log that the owner gave up. */
  forget(note: string): void {
    const left = this.#heard.filter(head => head.note !== note)
    if (left.length < this.#heard.length) this.#keep(left)
  }

  /** We were connected for so much longer. */
  waited(ms: number): void {
    if (this.#heard.length > 0)
      this.#keep(this.#heard.map(head => ({ ...head, waitedMs: head.waitedMs + ms })))
  }

  #keep(heard: readonly HeardHead[]): void {
    this.#heard = heard
    this.#store.settings.set(HEARD, JSON.stringify(heard))
  }
}

const BROKEN = 'audit: '

/** The broker lies, or its log is damaged: nothing is sealed until a person has looked. */
export const auditBroken = (message: string, facts: Record<string, unknown> = {}): MeshError =>
  new MeshError('integrity', `${BROKEN}${message}`, { facts })
export const isAuditBroken = ({ code, message }: MeshError): boolean =>
  code === 'integrity' && message.startsWith(BROKEN)
