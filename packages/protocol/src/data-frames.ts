/** Binary frames of /ws, the data path, in memory (SPEC section 6 draws their bytes). */

import type { DeliveredEnvelope, Envelope } from './envelope.ts'
import type { ErrorCode } from './errors.ts'
import type { Recipient } from './schema.ts'

export const DATA_TYPES = {
  send: 1,
  accepted: 2,
  deliver: 3,
  ack: 4,
  fact: 5,
  'room.append': 6,
  'room.event': 7,
} as const
export type DataType = keyof typeof DATA_TYPES

export const RECIPIENT_STATES = ['queued', 'unknown', 'removed'] as const
export type RecipientState = (typeof RECIPIENT_STATES)[number]

export interface SendFrame {
  readonly type: 'send'
  /** 0 = none. */
  readonly ref: number
  readonly envelopes: readonly Envelope[]
}

/** The answer to one envelope of a `send`. */
export interface AcceptedResult {
  readonly id: Uint8Array
  /** `null` = accepted: committed. */
  readonly error: ErrorCode | null
  /** Place in the mesh's order; 0 with an error. */
  readonly seq: number
  /** Index of the `accepted` leaf in the audit log; 0 with an error. */
  readonly auditIndex: number
  /** The broker's time, ms. */
  readonly at: number
  /** In the order of `to`; empty with an error other than `unknown-recipient`. */
  readonly recipients: readonly RecipientState[]
}
export interface AcceptedFrame {
  readonly type: 'accepted'
  readonly ref: number
  readonly results: readonly AcceptedResult[]
}

export interface Delivery {
  readonly seq: number
  readonly envelope: DeliveredEnvelope
}
export interface DeliverFrame {
  readonly type: 'deliver'
  readonly recipient: Recipient
  readonly attachment: number
  readonly deliveries: readonly Delivery[]
}

export interface Ack {
  readonly recipient: Recipient
  readonly attachment: number
  /** Everything up to this seq stands in the receiver's own store. */
  readonly upTo: number
}
export interface AckFrame {
  readonly type: 'ack'
  readonly ref: number
  readonly acks: readonly Ack[]
}

export const FACT_KINDS = ['expired', 'dropped'] as const
export type FactKind = (typeof FACT_KINDS)[number]
export const FACT_REASONS = ['ttl', 'removed'] as const
export type FactReason = (typeof FACT_REASONS)[number]

/** Signed by the broker key: the end of one sealing `id` for one recipient. */
export interface Fact {
  readonly mesh: Uint8Array
  readonly kind: FactKind
  readonly why: FactReason
  readonly id: Uint8Array
  readonly from: Recipient
  readonly to: Recipient
  /** ms since 1970. */
  readonly at: number
  readonly signature: Uint8Array
}
export interface FactFrame {
  readonly type: 'fact'
  /** The sender of what ended: facts stand in its own queue. */
  readonly recipient: Recipient
  readonly attachment: number
  readonly facts: readonly { readonly seq: number; readonly fact: Fact }[]
}

export type DataFrame = SendFrame | AcceptedFrame | DeliverFrame | AckFrame | FactFrame
