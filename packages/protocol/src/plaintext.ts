/** What is sealed inside an envelope, and the payload of each kind (SPEC section 5). */
import { z } from 'zod'
import { LIMITS } from './limits.ts'
import { certificate, checkpointNote } from './records.ts'
import { bytes, hash, ms, recipient, seq, signature, uuid } from './schema.ts'

export const MESSAGE_KINDS = [
  'text',
  'receipt',
  'room-key',
  'room-grant',
  'command',
  'command-result',
  'chat',
  'notify',
  'file',
] as const
export type MessageKind = (typeof MESSAGE_KINDS)[number]

/** The signed JSON of a plaintext. `kind` is open: what this version does not know is kept and reported. */
export const plaintextJson = z.looseObject({
  msg: uuid,
  composedAt: ms,
  kind: z.string().min(1).max(32),
  payload: z.unknown(),
  /** 16 random bytes made with the outbox database and anew after a restore: pairSeq counts within it. */
  line: bytes(16),
  /** The maker's current prekey: number and id. */
  prekey: z.strictObject({ n: ms, id: bytes(16) }),
  /** The maker's roster pair. */
  roster: z.strictObject({ seq, head: hash }),
  /** The newest audit checkpoint the maker has pinned, as a signed note. */
  checkpoint: checkpointNote.nullable(),
  /** Present whenever an opener travels; absent from a member's own mail. */
  certificate: certificate.nullable(),
})
export type PlaintextJson = z.output<typeof plaintextJson>

export const textPayload = z.strictObject({
  text: z.string().max(200_000),
  replyTo: uuid.nullable(),
  threadId: uuid.nullable(),
  /** Turns of agents that led to it without a person in between; absent for 0. The sender's word. */
  hops: z.int().min(0).max(LIMITS.hops).optional(),
  /** It was addressed to a group or to everybody, however few that were. */
  group: z.literal(true).optional(),
})
export type TextPayload = z.output<typeof textPayload>

export const RECEIPT_STATES = [
  'delivered',
  'surfaced',
  'answered',
  'held',
  'refused',
  'undecryptable',
  'stale-prekey',
  'unknown-opener',
] as const
export const receiptState = z.enum(RECEIPT_STATES)
export type ReceiptState = z.output<typeof receiptState>

/** Signed by its maker so that `trace` can show it to others; batched, sealed like any message. */
export const receipt = z.strictObject({
  mesh: hash,
  from: recipient,
  to: recipient,
  state: receiptState,
  /** A word of why: `closed`, `dnd`, `clock`, `budget` …; empty where the state says all. */
  why: z.string().max(64),
  items: z
    .array(z.strictObject({ id: uuid, msg: uuid.nullable() }))
    .min(1)
    .max(1000),
  at: ms,
  signature,
})
export type Receipt = z.output<typeof receipt>
