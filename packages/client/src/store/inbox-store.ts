/** Rows of the inbox: messages, the lines they are released in, and what did not open. */
import type { Priority, ReceiptState } from '@claudemesh/protocol'
import type { Owner, RecipientKey } from './keys.ts'

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
  /** JSON of the payload; `''` once it was erased, `null` where what lies in the store is damaged. */
  readonly payload: string | null
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
  /** May be forgotten from this time on, if it was surfaced or read and its payload was erased. */
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
  insert(row: InboxRow & { readonly payload: string }): void
  /** Keyed by (owner, from, msg); only state, position, late, gap, receipt and receiptWhy may differ. */
  update(row: InboxRow): void
  /** Rows of a mailbox with this msg: more than one only if a sender copied another's msg. */
  byMsg(owner: Owner, msg: string): InboxRow[]
  /** Released rows in order of position. */
  list(filter: InboxFilter): InboxRow[]
  /** Of this member (base64url of its key) alone, where one is named. */
  count(owner: Owner, states: readonly InboxState[], member?: string): number
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
  /** Removes rows surfaced or read with forgetAt before `now` whose payload was erased. */
  forget(now: number): void
}
