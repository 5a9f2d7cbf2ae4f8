/** Signed records that travel in frames and plaintexts: certificates, prekeys, presence (SPEC sections 4 and 9). */
import { z } from 'zod'
import { LIMITS } from './limits.ts'
import {
  agreementBundle,
  bytes,
  bytesUpTo,
  hash,
  key,
  ms,
  presenceStatus,
  seq,
  signature,
  statusSource,
  uuid,
} from './schema.ts'

/** Says that a session key belongs to a member and a Claude session UUID; signed by both keys over the same bytes. */
export const certificate = z.strictObject({
  mesh: key,
  member: key,
  session: key,
  uuid,
  notBefore: ms,
  notAfter: ms,
  rosterSeq: seq,
  rosterHead: hash,
  memberSignature: signature,
  sessionSignature: signature,
})
export type Certificate = z.output<typeof certificate>

/** What others seal to until its owner rotates it; signed by the session key, or by the member key for the person. */
export const prekeyBundle = z.strictObject({
  mesh: key,
  member: key,
  session: key.nullable(),
  /** ms of its making; never goes back. */
  n: ms,
  bundle: agreementBundle,
  freshUntil: ms,
  usableUntil: ms,
  signature,
})
export type PrekeyBundle = z.output<typeof prekeyBundle>

/** What a session says of itself; the profile (name, role, groups, summary, directory) is sealed under the epoch key. */
export const presenceRecord = z.strictObject({
  mesh: key,
  member: key,
  session: key,
  counter: ms,
  status: presenceStatus,
  source: statusSource,
  at: ms,
  rosterSeq: seq,
  rosterHead: hash,
  epoch: z
    .int()
    .min(1)
    .max(2 ** 31),
  profile: bytesUpTo(LIMITS.profileBytes + 64, 40),
  signature,
})
export type PresenceRecord = z.output<typeof presenceRecord>

/** A signed head of the audit log (SPEC section 8). */
export const checkpointNote = z.string().max(4096)

/** A leaf of the audit log as it is shown: its hash, and its body to whom may see it while it stands. */
export const auditLeaf = z.strictObject({
  hash,
  body: z
    .strictObject({
      at: ms,
      salt: bytes(16),
      type: z.string().max(32),
      /** In `encodeFields` form. */
      fields: bytesUpTo(1024),
    })
    .nullable(),
  /** The body was dropped by retention; else it is not the reader's to see. */
  pruned: z.boolean(),
})
export type AuditLeaf = z.output<typeof auditLeaf>

/** A UUID that a session had, and when it stopped, ms since 1970. */
const formerUuid = z.strictObject({ uuid, until: ms })
export type FormerUuid = z.output<typeof formerUuid>

/**
 * UUIDs that a session had before the one of its certificate, oldest first (SPEC section 4.3). Mesh, member, session and the
 * present UUID are signed too; they stand in the presence and the certificate beside it.
 */
export const alias = z.strictObject({
  former: z.array(formerUuid).min(1).max(LIMITS.formerUuids),
  signature,
})
export type Alias = z.output<typeof alias>

/** The plaintext of a sealed profile. */
export const profile = z.strictObject({
  name: z.string().max(LIMITS.nameChars),
  role: z.string().max(LIMITS.nameChars),
  groups: z.array(z.string().max(LIMITS.groupChars)).max(LIMITS.groups),
  summary: z.string().max(LIMITS.summaryChars),
  directory: z.string().max(LIMITS.directoryChars),
  /** Of a session that is `waiting`: for what, in its own words. */
  waitingFor: z.string().max(LIMITS.nameChars).optional(),
  alias: alias.optional(),
})
export type Profile = z.output<typeof profile>
