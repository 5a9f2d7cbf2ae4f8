/** The words of the delivery path: what the hot lane takes in and what it answers, as plain data. */
import type { Fact, Recipient, RecipientState } from '@claudemesh/protocol'

/** One envelope to be accepted. The broker has checked signature-free facts (sizes, id time, attachment) before. */
export interface AcceptItem {
  readonly mesh: Uint8Array
  /** UUIDv7 of this sealing, 16 bytes. */
  readonly id: Uint8Array
  readonly from: Recipient
  /** 32 bytes over all that makes the content; the same id with another hash is `conflict`. */
  readonly contentHash: Uint8Array
  /** The header as it goes on the wire; opaque here. */
  readonly header: Uint8Array
  readonly body: Uint8Array
  /** Hash of `to[]`, 32 bytes, for the audit leaf. */
  readonly recipientsHash: Uint8Array
  readonly to: readonly { readonly recipient: Recipient; readonly slot: Uint8Array }[]
  /** ms since 1970. */
  readonly expiresAt: number
}

export type AcceptError =
  | 'conflict'
  | 'unknown-recipient'
  | 'removed'
  | 'not-attached'
  | 'unknown-mesh'
  | 'internal'

export interface AcceptOutcome {
  /** `null` = committed. `removed`: the sender's member left; `not-attached`: the sender never attached. */
  readonly error: AcceptError | null
  /** Place in the mesh's order; 0 with an error. */
  readonly seq: number
  /** Index of the `accepted` leaf; 0 with an error. */
  readonly auditIndex: number
  /** The database's clock at the commit, ms. */
  readonly at: number
  /** In the order of `to`; empty with an error other than `unknown-recipient`. */
  readonly recipients: readonly RecipientState[]
  /** The same id and content still stood in the queue: the first answer again, nothing new was written. */
  readonly repeat: boolean
}

export interface AckItem {
  readonly mesh: Uint8Array
  readonly recipient: Recipient
  readonly attachment: number
  /** Everything up to this seq stands in the receiver's own store. */
  readonly upTo: number
}

export interface AckOutcome {
  readonly error: 'replaced' | 'bad-ack' | 'internal' | null
  /** Rows (envelopes and facts) that left the queue. */
  readonly deleted: number
  /** The watermark that stands now. */
  readonly ackedUpTo: number
}

/** One row of a recipient's queue. */
export type QueueRow =
  | {
      readonly seq: number
      readonly kind: 'envelope'
      readonly header: Uint8Array
      readonly slot: Uint8Array
      readonly body: Uint8Array
    }
  | { readonly seq: number; readonly kind: 'fact'; readonly fact: Fact }

/** A recipient and the mesh it stands in. */
export interface Seat {
  readonly mesh: Uint8Array
  readonly recipient: Recipient
}
