/** Rows of the outbox: messages, how far each has come for each recipient, and their sealings. */
import type { Priority } from '@claudemesh/protocol'
import type { Owner, RecipientKey } from './keys.ts'

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
  /** JSON of the payload; `''` once no recipient needs it any more, `null` where what lies in the store is damaged. */
  readonly payload: string | null
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
export interface OutboxStanding {
  readonly dead: boolean
  /** It was not dropped. */
  readonly hasText: boolean
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
  /** Hash of the header's `to`, 32 bytes; `null` for what an older version sealed. */
  readonly toHash: Uint8Array | null
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
export type OpenState = (typeof OPEN_STATES)[number]
export interface OutboxStore {
  insert(
    message: OutboxMessageRow & { readonly payload: string },
    recipients: readonly OutboxRecipientRow[],
  ): void
  message(msg: string): OutboxMessageRow | undefined
  /** How it stands, its text unread. */
  standing(msg: string): OutboxStanding | undefined
  /** Puts the message on the dead-letter list, or takes it off. */
  markDead(msg: string, dead: boolean): void
  /** No recipient needs its text any more. */
  dropText(msg: string): void
  /** It was sealed for the first time: `endsAt` from now on. */
  setEnd(msg: string, endsAt: number): void
  recipient(msg: string, to: RecipientKey): OutboxRecipientRow | undefined
  recipients(msg: string): OutboxRecipientRow[]
  /** Keyed by (msg, to); only state, why, at, reseals and dueAt may differ. */
  updateRecipient(row: OutboxRecipientRow): void
  /** `pending` rows of this owner with dueAt ≤ now, in the order they were written. */
  due(owner: Owner, now: number, limit: number): OutboxRecipientRow[]
  /** The earliest dueAt above `now` among `pending` rows. */
  nextDueAt(now: number): number | undefined
  /** `pending` rows to recipients of this member (key begins with `member` + '/') are made due at `now`, but for those whose why is in `except`. */
  hasten(member: string, now: number, except: readonly string[]): void
  /** Lowest pairSeq ≥ 1 of (owner, line, to) in an open state. */
  lowestOpen(owner: Owner, line: string, to: RecipientKey): number | undefined
  addSealing(row: SealingRow, to: readonly RecipientKey[]): void
  sealing(id: string): SealingRow | undefined
  /** Sealings of one message, in the order they were added. */
  sealingsOf(msg: string): SealingRow[]
  updateSealing(row: SealingRow): void
  /** In the order they were given to `addSealing`. */
  sealingRecipients(id: string): SealingRecipientRow[]
  endSealing(id: string, to: RecipientKey, end: NonNullable<SealingRecipientRow['end']>): void
  /** True when some `sealed` or `accepted` sealing of this message to this recipient has no end. */
  hasLiveSealing(msg: string, to: RecipientKey): boolean
  /** Sealings of this owner's messages that are still `sealed`, in the order they were added. */
  unaccepted(owner: Owner): SealingRow[]
  /** Messages with a recipient in one of `states` whose (endsAt ?? composedAt + ttlMs) is ≤ now. */
  ended(now: number, states: readonly OpenState[], limit: number): OutboxMessageRow[]
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
