/** The rows of the broker's database as plain objects: what `packages/db/migrations` has as tables. */
import type {
  Certificate,
  EpochCopy,
  Fact,
  Lease,
  PrekeyBundle,
  PresenceRecord,
  PresenceStatus,
  RecipientState,
  RosterEntry,
} from '@claudemesh/protocol'

export interface LeaseRow {
  uuid: string | null
  certificate: Certificate | null
  prekey: PrekeyBundle
  presence: PresenceRecord | null
  presenceCounter: number
  state: Lease
  stateAt: number
  node: string
  hookTokenHash: Uint8Array | null
  hook: { readonly status: PresenceStatus; readonly at: number } | null
  /** When what others see of it last changed, by the database's clock. */
  changedAt: number
}

export interface RecipientRow {
  readonly key: Uint8Array
  readonly order: number
  removed: boolean
  /** `null` for a person: as long as its member is in the roster. */
  knownUntil: number | null
  attachment: number
  acked: number
  lease: LeaseRow | null
  /** What waits for it, by rising seq. */
  readonly queue: DeliveryRow[]
}

/** An envelope while somebody waits for it. */
export interface EnvelopeRow {
  readonly id: Uint8Array
  readonly from: RecipientRow
  readonly contentHash: Uint8Array
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly states: readonly RecipientState[]
  readonly seq: number
  readonly auditIndex: number
  readonly at: number
  /** Rows that still wait for it. */
  waiting: number
}

export interface DeliveryRow {
  readonly seq: number
  readonly expiresAt: number
  readonly what: { readonly envelope: EnvelopeRow; readonly slot: Uint8Array } | { readonly fact: Fact }
}

interface LeafRow {
  readonly index: number
  readonly at: number
  readonly hash: Uint8Array
  readonly salt: Uint8Array
  readonly type: string
  readonly fields: Uint8Array
}

export interface MeshRow {
  readonly mesh: Uint8Array
  seq: number
  lastAt: number
  rosterSeq: number
  rosterHead: Uint8Array
  readonly entries: { readonly entry: RosterEntry; readonly hash: Uint8Array }[]
  readonly copies: (EpochCopy & { readonly epoch: number; readonly rosterSeq: number })[]
  /** Seq of the removal, `null` for who stands; by key. */
  readonly members: Map<string, number | null>
  /** By key; in the order they were made. */
  readonly recipients: Map<string, RecipientRow>
  /** By sender's key and id. */
  readonly envelopes: Map<string, EnvelopeRow>
  readonly leaves: LeafRow[]
  readonly checkpoints: { readonly size: number; readonly note: string }[]
  readonly subtrees: Map<string, Uint8Array>
}

/** One database. Everything in it is committed: a crash of whoever uses it takes nothing away. */
export class Tables {
  /** In the order they were founded, by id. */
  readonly meshes = new Map<string, MeshRow>()
  /** Mesh of each invite code. */
  readonly invites = new Map<string, MeshRow>()
  /** Until when each broker node lives, ms. */
  readonly nodes = new Map<string, number>()
  readonly now: () => number
  #recipients = 0

  /** `now`: the clock of the database, ms since 1970. */
  constructor(now: () => number) {
    this.now = now
  }

  addRecipient(mesh: MeshRow, key: Uint8Array): RecipientRow {
    const row: RecipientRow = {
      key,
      order: ++this.#recipients,
      removed: false,
      knownUntil: null,
      attachment: 0,
      acked: 0,
      lease: null,
      queue: [],
    }
    mesh.recipients.set(bytesKey(key), row)
    return row
  }
}

/** Bytes as a key of a Map. */
export const bytesKey = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
