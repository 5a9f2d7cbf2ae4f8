/** Receipts on their way out, and the trace: every step of a message with who says so. */
import type { ReceiptState } from '@claudemesh/protocol'
import type { Owner, RecipientKey } from './keys.ts'

/** What a sender is to be told; becomes part of a signed, sealed receipt. */
export interface ReceiptDue {
  readonly owner: Owner
  readonly to: RecipientKey
  readonly state: ReceiptState
  readonly why: string
  readonly id: string
  readonly msg: string | null
  readonly at: number
  /** Not sent before this time; 0: at once, also by a clock that is set back meanwhile. */
  readonly dueAt: number
}
export interface QueuedReceipt extends ReceiptDue {
  /** Names it for `remove`, in the transaction that asked for it. */
  readonly row: number
}
export interface ReceiptStore {
  queue(items: readonly ReceiptDue[]): void
  /** Rows of this owner with dueAt ≤ now, in the order they were queued. */
  due(owner: Owner, now: number, limit: number): QueuedReceipt[]
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
