/** Signing and verification: all that a broker may do. What seals and opens is in `@claudemesh/crypto/sealing`. */
export { type AliasPlace, signAlias, verifyAlias } from './alias.ts'
export { type Checkpoint, openCheckpoint, signCheckpoint } from './audit/checkpoint.ts'
export {
  isLeafType,
  LEAF_FIELDS,
  type Leaf,
  type LeafType,
  leafHash,
  readLeafFields,
  type ShownLeaf,
  type StoredLeaf,
  storedLeafHash,
} from './audit/leaf.ts'
export { verifyConsistency, verifyInclusion } from './audit/proofs.ts'
export { type LeafRun, leavesOf } from './audit/run.ts'
export {
  proveConsistency,
  proveInclusion,
  type ReadTile,
  readFrontier,
  TILE_LEVELS,
} from './audit/stored-tree.ts'
export { nodeHash, type Sha256, TreeFrontier } from './audit/tree.ts'
export { type LogFault, type LogReport, LogVerifier } from './audit/verify-log.ts'
export {
  type CertificateVerdict,
  certificateHash,
  isSameCertificate,
  judgeCertificate,
  signCertificate,
  verifyCertificate,
} from './certificate.ts'
export { recipientsHash, slotHash } from './envelope-header.ts'
export { signFact, verifyFact } from './fact.ts'
export {
  type AttachProof,
  type HelloProof,
  signAttach,
  signHello,
  verifyAttach,
  verifyHello,
} from './handshake.ts'
export { formatInviteLink, type InviteLink, parseInviteLink } from './invite-link.ts'
export { judgePrekey, prekeyId, signPrekey, verifyPrekey } from './prekey.ts'
export { judgePresence, profileHash, signPresence, verifyPresence } from './presence.ts'
export { signReceipt, verifyReceipt } from './receipt.ts'
export { compareRecipients, recipientFields, recipientKey } from './recipient.ts'
export { checkEpochCopies, epochCopiesRoot } from './roster/copies.ts'
export { rosterEntryHash } from './roster/entry-bytes.ts'
export { inviteByCode, openInvites } from './roster/invites.ts'
export { mayWrite, type WriteTarget } from './roster/may-write.ts'
export { requireOpenInvite } from './roster/open-invite.ts'
export { applyEntry, type CheckedEntry, checkEntry, openRoster, replayRoster } from './roster/replay.ts'
export { PagedReplay } from './roster/replay-pages.ts'
export { signJoin, signRosterEntry } from './roster/sign.ts'
export type { InviteState, Roster, RosterEpoch, RosterInvite, RosterMember } from './roster/state.ts'
export { DOMAINS, type Domain, encodeFields, type Field, hash, signedBytes } from './signed-bytes.ts'
export { generateSigner, type Signer, sign, verify } from './signer.ts'
export { uuidBytes, uuidText, uuidTime, uuidv7 } from './uuid.ts'
