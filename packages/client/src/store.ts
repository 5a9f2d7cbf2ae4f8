/**
 * Everything of one mesh that must survive: the storage a `MeshClient` is given.
 * Plain rows, synchronous methods; what `transaction` groups is durable when it returns, or did not happen.
 * A store belongs to one mesh. Nothing here interprets bytes: rows are opaque to the store.
 */
import type { Priority, ReceiptState } from '@claudemesh/protocol'

/** Whose mailbox: the Claude session UUID, or `''` for the person. */
export type Owner = string
/** `recipientKey()` of `@claudemesh/crypto`: base64url member, `/`, base64url session or nothing. */
export type RecipientKey = string

export interface ClientStore {
  /**
   * Runs `work` as one durable transaction; what it throws undoes all of it and is thrown on.
   * Called inside another it joins that one.
   */
  transaction<T>(work: () => T): T
  readonly settings: SettingStore
  readonly counters: CounterStore
  readonly roster: RosterStore
  readonly epochs: EpochStore
  readonly prekeys: PrekeyStore
  readonly openers: OpenerStore
  readonly directory: DirectoryStore
  readonly outbox: OutboxStore
  readonly inbox: InboxStore
  readonly receipts: ReceiptStore
  readonly trace: TraceStore
}

/** Small named values; a name is at most 128 characters. */
export interface SettingStore {
  get(name: string): string | undefined
  set(name: string, value: string): void
}

/** Named numbers, 0 until set; a name is at most 256 characters. The caller decides the next value. */
export interface CounterStore {
  get(name: string): number
  set(name: string, value: number): void
}

/** The verified roster; its last entry is the pinned head. */
export interface RosterStore {
  /** JSON of each entry, in order of seq, from 0. */
  entries(): string[]
  /** Throws unless `seq` is the number of entries held. */
  append(seq: number, entry: string): void
}

export interface EpochRow {
  readonly number: number
  /** 32 bytes, secret. */
  readonly key: Uint8Array
}
export interface EpochStore {
  all(): EpochRow[]
  put(row: EpochRow): void
}

/** One of our own prekeys; `secret` is x25519 32 ‖ xwing 32. */
export interface PrekeyRow {
  readonly id: Uint8Array
  readonly owner: Owner
  readonly n: number
  /** JSON of the signed bundle. */
  readonly bundle: string
  readonly secret: Uint8Array
}
export interface PrekeyStore {
  all(): PrekeyRow[]
  put(row: PrekeyRow): void
  /** Erases the secret too, and the openers stored under it. */
  remove(id: Uint8Array): void
}

/** An opener that a sender used and that passed every check, with the certificate it came under. */
export interface OpenerRow {
  readonly owner: Owner
  readonly from: RecipientKey
  readonly prekeyId: Uint8Array
  readonly openerId: Uint8Array
  /** 1,152 bytes. */
  readonly opener: Uint8Array
  /** JSON; `null` for a person's mail, which has none. */
  readonly certificate: string | null
  readonly at: number
}
export interface OpenerStore {
  find(owner: Owner, from: RecipientKey, prekeyId: Uint8Array, openerId: Uint8Array): OpenerRow | undefined
  /** Keyed by (owner, from, prekeyId, openerId); keeps the newest `keep` of (owner, from, prekeyId) by `at`. */
  put(row: OpenerRow, keep: number): void
}

/** What the directory last said of a session, so that names and pins outlive the connection. */
export interface DirectoryRow {
  readonly key: RecipientKey
  /** JSON of the directory entry. */
  readonly entry: string
  readonly at: number
}
export interface DirectoryStore {
  all(): DirectoryRow[]
  put(row: DirectoryRow): void
  remove(key: RecipientKey): void
}

// ── outbox ───────────────────────────────────────────────────────────────────

export const OUTBOX_STATES = [
  'pending',
  'sealed',
  'accepted',
  'delivered',
  'surfaced',
  'answered',
  'held',
  'refused',
  'expired',
  'removed',
  'unknown',
  'undecryptable',
  'failed',
] as const
/** `pending` waits to be sealed; `sealed` bytes are stored, the broker has not yet accepted them. */
export type OutboxState = (typeof OUTBOX_STATES)[number]
/** States in which a row still holds back the floor: not yet delivered, refused or given up. */
export const OPEN_STATES = ['pending', 'sealed', 'accepted'] as const satisfies readonly OutboxState[]

export interface OutboxMessageRow {
  /** UUIDv7 text; made when the text was written. */
  readonly msg: string
  readonly owner: Owner
  readonly kind: string
  /** JSON of the payload; `''` once no recipient needs it any more. */
  readonly payload: string
  readonly priority: Priority
  /** base64url of the 16-byte line its pairSeqs count in. */
  readonly line: string
  readonly composedAt: number
  readonly ttlMs: number
  /** First sentAt + ttl; `null` until it was sealed once. */
  readonly endsAt: number | null
  /** On the dead-letter list: some recipient was given up. */
  readonly dead: boolean
}
export interface OutboxRecipientRow {
  readonly msg: string
  readonly owner: Owner
  readonly line: string
  readonly to: RecipientKey
  /** Counts from 1 per (owner, line, to); 0 for receipts. */
  readonly pairSeq: number
  readonly state: OutboxState
  readonly why: string | null
  /** When the state last changed. */
  readonly at: number
  /** How often it was asked for again. */
  readonly reseals: number
  /** Not sealed before this time. */
  readonly dueAt: number
}
export interface SealingRow {
  /** UUIDv7 text of this sealing. */
  readonly id: string
  readonly msg: string
  readonly sentAt: number
  /** `sealed`: the stored bytes must go out until answered; `void`: refused, never to be sent again. */
  readonly state: 'sealed' | 'accepted' | 'void'
  /** A `send` frame with this one envelope; `null` once it was answered. */
  readonly bytes: Uint8Array | null
  readonly seq: number
  readonly auditIndex: number
  /** Broker's time of acceptance; 0 before. */
  readonly acceptedAt: number
}
export interface SealingRecipientRow {
  readonly id: string
  readonly to: RecipientKey
  /** How this sealing ended for them, where the broker said so. */
  readonly end: 'expired' | 'dropped' | 'refused' | null
}
export interface OutboxStore {
  insert(message: OutboxMessageRow, recipients: readonly OutboxRecipientRow[]): void
  message(msg: string): OutboxMessageRow | undefined
  updateMessage(row: OutboxMessageRow): void
  recipient(msg: string, to: RecipientKey): OutboxRecipientRow | undefined
  recipients(msg: string): OutboxRecipientRow[]
  /** Keyed by (msg, to); only state, why, at, reseals and dueAt may differ. */
  updateRecipient(row: OutboxRecipientRow): void
  /** `pending` rows of this owner with dueAt ≤ now, in the order they were written. */
  due(owner: Owner, now: number, limit: number): OutboxRecipientRow[]
  /** The earliest dueAt above `now` among `pending` rows. */
  nextDueAt(now: number): number | undefined
  /** `pending` rows to recipients of this member (key begins with `member` + '/'), made due at `now`. */
  hasten(member: string, now: number): void
  /** Lowest pairSeq ≥ 1 of (owner, line, to) in an open state. */
  lowestOpen(owner: Owner, line: string, to: RecipientKey): number | undefined
  addSealing(row: SealingRow, to: readonly RecipientKey[]): void
  sealing(id: string): SealingRow | undefined
  updateSealing(row: SealingRow): void
  /** In the order they were given to `addSealing`. */
  sealingRecipients(id: string): SealingRecipientRow[]
  endSealing(id: string, to: RecipientKey, end: NonNullable<SealingRecipientRow['end']>): void
  /** True when some `sealed` or `accepted` sealing of this message to this recipient has no end. */
  hasLiveSealing(msg: string, to: RecipientKey): boolean
  /** Sealings of this owner's messages that are still `sealed`, in the order they were added. */
  unaccepted(owner: Owner): SealingRow[]
  /** Messages with a recipient in one of `states` whose (endsAt ?? composedAt + ttlMs) is ≤ now. */
  ended(now: number, states: readonly OutboxState[], limit: number): OutboxMessageRow[]
  /** Newest first; kind `receipt` left out. `open`: some recipient in an open state; `dead`: on the dead-letter list. */
  list(filter: OutboxFilter): OutboxMessageRow[]
  /** Number of messages `list({ open: true })` would give without a limit. */
  countOpen(): number
  /** Takes away the message with its recipients, sealings and trace. */
  remove(msg: string): void
  /** Removes receipts accepted before `receiptsBefore` and other settled, not dead messages composed before `before`. */
  forget(before: number, receiptsBefore: number): void
}
export interface OutboxFilter {
  readonly owner?: Owner
  readonly open?: boolean
  readonly dead?: boolean
  readonly limit?: number
}

// ── inbox ────────────────────────────────────────────────────────────────────

/** `early`: from a clock ahead of ours; `waiting`: behind a gap; `unread` and later: released. */
export type InboxState = 'early' | 'waiting' | 'unread' | 'pushed' | 'surfaced' | 'read'
export const RELEASED_STATES = [
  'unread',
  'pushed',
  'surfaced',
  'read',
] as const satisfies readonly InboxState[]

/** Unique by (owner, from, msg): what decides exactly once. */
export interface InboxRow {
  readonly owner: Owner
  readonly from: RecipientKey
  readonly msg: string
  /** The sealing it first came in. */
  readonly id: string
  readonly line: string
  readonly pairSeq: number
  readonly kind: string
  /** JSON of the payload. */
  readonly payload: string
  readonly priority: Priority
  readonly composedAt: number
  readonly sentAt: number
  readonly receivedAt: number
  readonly state: InboxState
  /** Place in the order of release within its owner, from 1; `null` until released. */
  readonly position: number | null
  /** Came after its place had been given up. */
  readonly late: boolean
  /** Messages of this sender before this one are missing. */
  readonly gap: boolean
  /** What its sender was last told. */
  readonly receipt: ReceiptState
  readonly receiptWhy: string
  /** May be forgotten from this time on, if it was surfaced or read. */
  readonly forgetAt: number
}
/** One sender's line into one mailbox. */
export interface LaneRow {
  readonly owner: Owner
  readonly from: RecipientKey
  readonly line: string
  /** Lowest pairSeq neither released nor given up. */
  readonly next: number
  /** Connected ms that what waits behind the gap has waited, summed over connections; 0 without a gap. */
  readonly waitedMs: number
}
/** An envelope that did not open: kept, answered, never shown. */
export interface UnopenedRow {
  readonly owner: Owner
  readonly id: string
  readonly from: RecipientKey
  /** The step that failed. */
  readonly reason: string
  /** Header, slot and body as one `deliver` frame. */
  readonly bytes: Uint8Array
  readonly at: number
}
export interface InboxFilter {
  readonly owner?: Owner
  readonly states?: readonly InboxState[]
  /** Only positions above this one. */
  readonly after?: number
  readonly limit?: number
}
export interface InboxStore {
  find(owner: Owner, from: RecipientKey, msg: string): InboxRow | undefined
  insert(row: InboxRow): void
  /** Keyed by (owner, from, msg); only state, position, late, gap, receipt and receiptWhy may differ. */
  update(row: InboxRow): void
  /** Rows of a mailbox with this msg: more than one only if a sender copied another's msg. */
  byMsg(owner: Owner, msg: string): InboxRow[]
  /** Released rows in order of position. */
  list(filter: InboxFilter): InboxRow[]
  count(owner: Owner, states: readonly InboxState[]): number
  lane(owner: Owner, from: RecipientKey, line: string): LaneRow | undefined
  putLane(row: LaneRow): void
  /** Rows in state `waiting`, by pairSeq, then receivedAt. */
  waiting(owner: Owner, from: RecipientKey, line: string): InboxRow[]
  /** Lanes that have a row in state `waiting`. */
  gapped(): LaneRow[]
  /** Rows in state `early` with sentAt ≤ `until`, by sentAt. */
  early(until: number): InboxRow[]
  /** Keyed by (owner, id); a repeat changes nothing. Keeps the newest `keep` of all. */
  keepUnopened(row: UnopenedRow, keep: number): void
  unopened(owner: Owner): UnopenedRow[]
  /** Removes rows surfaced or read with forgetAt before `now`. */
  forget(now: number): void
}

// ── receipts on their way out, and the trace ─────────────────────────────────

/** What a sender is to be told; becomes part of a signed, sealed receipt. */
export interface ReceiptDue {
  readonly owner: Owner
  readonly to: RecipientKey
  readonly state: ReceiptState
  readonly why: string
  readonly id: string
  readonly msg: string | null
  readonly at: number
  /** Not sent before this time. */
  readonly dueAt: number
}
export interface QueuedReceipt extends ReceiptDue {
  /** Names the row for `remove`. */
  readonly row: number
}
export interface ReceiptStore {
  queue(items: readonly ReceiptDue[]): void
  /** Rows of this owner with dueAt ≤ now, in the order they were queued. */
  due(owner: Owner, now: number, limit: number): QueuedReceipt[]
  /** The earliest dueAt above `now`. */
  nextDueAt(now: number): number | undefined
  remove(rows: readonly number[]): void
}

export interface TraceRow {
  readonly msg: string
  readonly at: number
  readonly state: string
  /** `me`, `broker`, or the RecipientKey of the peer whose receipt it is. */
  readonly by: string
  readonly to: RecipientKey | null
  readonly why: string | null
  /** The signature or proof behind it checked out. */
  readonly verified: boolean
}
export interface TraceStore {
  add(rows: readonly TraceRow[]): void
  /** In the order they were added. */
  of(msg: string): TraceRow[]
}
