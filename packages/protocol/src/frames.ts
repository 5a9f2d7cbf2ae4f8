/** JSON frames of /ws: handshake, presence, directory, roster, control, errors (SPEC section 6). */
import { z } from 'zod'
import { ERROR_CODES } from './errors.ts'
import { LIMITS } from './limits.ts'
import { auditLeaf, certificate, checkpointNote, prekeyBundle, presenceRecord } from './records.ts'
import { epochCopies, rosterEntry } from './roster.ts'
import {
  bytes,
  bytesUpTo,
  hash,
  host,
  key,
  lease,
  ms,
  presenceStatus,
  recipient,
  seq,
  signature,
} from './schema.ts'

/** Chosen by the client; the one answer to the frame carries it back. */
const ref = z.int().min(1).max(0xffff_ffff)
const frame = <T extends string, S extends z.core.$ZodLooseShape>(type: T, shape: S) =>
  z.strictObject({ type: z.literal(type), ref: ref.optional(), ...shape })

const proof = { key, host, signature }

// ── client → broker ──────────────────────────────────────────────────────────
export const hello = z.discriminatedUnion('as', [
  frame('hello', { as: z.literal('member'), mesh: key, ...proof }),
  /** The mesh is not known yet: the broker finds it by the code; `welcome` names it and the chain proves it. */
  frame('hello', { as: z.literal('invite'), code: bytes(16), ...proof }),
  frame('hello', {
    as: z.literal('create'),
    mesh: key,
    ...proof,
    entries: z.array(rosterEntry).length(2),
    /** Asked for where `MESH_CREATE` is `token`. */
    token: z.string().max(256).optional(),
  }),
])
const attach = frame('attach', {
  recipient,
  certificate: certificate.nullable(),
  prekey: prekeyBundle,
  presence: presenceRecord.nullable(),
  signature,
})
export const clientFrame = z.union([
  hello,
  z.discriminatedUnion('type', [
    attach,
    frame('detach', { recipient }),
    frame('presence', { record: presenceRecord, certificate: certificate.nullable().optional() }),
    frame('directory', { cursor: z.string().max(256).nullable() }),
    frame('prekeys.get', { recipients: z.array(recipient).min(1).max(LIMITS.prekeysPerRequest) }),
    frame('prekeys.put', { prekey: prekeyBundle }),
    frame('roster.get', { from: seq }),
    frame('roster.append', { entry: rosterEntry, copies: epochCopies.nullable() }),
    /** Copies for the next `roster.append` of this socket, where they are too many for its frame. */
    frame('roster.copies', { copies: epochCopies.min(1).max(LIMITS.epochCopiesPerFrame) }),
    /** Entries that a broker on an older database lacks. */
    frame('roster.restore', {
      entries: z.array(rosterEntry).min(1).max(LIMITS.restorePage),
      checkpoint: checkpointNote.nullable(),
    }),
    /** One of `index` (of a leaf) and `from` (an earlier size). */
    frame('audit.proof', { size: seq, index: seq.optional(), from: seq.optional() }),
    frame('audit.get', { from: seq, size: seq }),
    frame('ping', { time: ms }),
  ]),
])
export type ClientFrame = z.output<typeof clientFrame>
export type ClientFrameOf<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>

// ── broker → client ──────────────────────────────────────────────────────────
export const brokerLimits = z.strictObject({
  frameBytes: z.int(),
  bodyBytes: z.int(),
  recipientsPerEnvelope: z.int(),
  ttlMs: ms,
  windowEnvelopes: z.int(),
  windowBytes: z.int(),
})
export type BrokerLimits = z.output<typeof brokerLimits>

/** One session of the directory as the broker knows it; what is signed inside is checked by the reader. */
export const directoryEntry = z.strictObject({
  certificate,
  presence: presenceRecord.nullable(),
  lease,
  /** When the lease last changed. */
  leaseAt: ms,
  /** Status by `/hook/set-status` on the broker: unverified, never over a fresher signed one. */
  hook: z.strictObject({ status: presenceStatus, at: ms }).nullable(),
})
export type DirectoryEntry = z.output<typeof directoryEntry>

/** The broker has no copies of the present epoch key: a `rekey` is due. */
const copiesMissing = z.literal(true).optional()

export const brokerFrame = z.discriminatedUnion('type', [
  frame('challenge', { nonce: bytes(32), brokerKey: key, time: ms }),
  frame('welcome', {
    mesh: key,
    limits: brokerLimits,
    rosterSeq: seq,
    rosterHead: hash,
    checkpoint: checkpointNote.nullable(),
    leaseMs: ms,
    time: ms,
    copiesMissing,
  }),
  frame('attached', {
    recipient,
    attachment: seq,
    queuedUpTo: seq,
    hookToken: z.string().max(128).optional(),
  }),
  frame('ok', {}),
  frame('error', {
    code: z.enum(ERROR_CODES),
    message: z.string().max(1000),
    field: z.string().max(256).optional(),
    retryAfterMs: ms.optional(),
    facts: z.record(z.string(), z.unknown()).optional(),
  }),
  frame('directory', { entries: z.array(directoryEntry), cursor: z.string().max(256).nullable() }),
  frame('prekeys', {
    bundles: z.array(
      z.strictObject({
        recipient,
        certificate: certificate.nullable(),
        prekey: prekeyBundle.nullable(),
        lease,
      }),
    ),
  }),
  frame('roster', {
    entries: z.array(rosterEntry),
    head: hash,
    headSeq: seq,
    /** Epoch keys sealed to whoever asks, for the epochs that begin in `entries`. */
    copies: z.array(z.strictObject({ epoch: z.int(), copy: bytesUpTo(1200, 1200) })),
    copiesMissing,
  }),
  frame('appended', { seq, head: hash }),
  frame('proof', { hashes: z.array(hash).max(128), size: seq, leaf: auditLeaf.nullable() }),
  frame('audit', { leaves: z.array(auditLeaf).max(4096), checkpoints: z.array(checkpointNote).max(256) }),
  frame('presence', { entry: directoryEntry }),
  frame('roster.changed', { seq, head: hash }),
  frame('checkpoint', { note: checkpointNote }),
  frame('draining', { retryAfterMs: ms }),
  frame('replaced', { recipient, attachment: seq }),
  frame('pong', { time: ms }),
])
export type BrokerFrame = z.output<typeof brokerFrame>
export type BrokerFrameOf<T extends BrokerFrame['type']> = Extract<BrokerFrame, { type: T }>
