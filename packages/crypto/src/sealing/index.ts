/** Sealing and opening: all that needs a secret agreement key. The broker never imports this half. */
export { type AgreementSecret, eraseAgreement, generateAgreement, openerId } from './agreement.ts'
export { openAtRest, sealAtRest } from './at-rest.ts'
export {
  epochCommitment,
  newEpochKey,
  openEpochKey,
  openPreviousEpochKey,
  sealEpochKey,
  sealPreviousEpochKey,
} from './epoch-key.ts'
export { deriveInviteKeys } from './invite-keys.ts'
export { makePrekey } from './make-prekey.ts'
export { type NamePlace, openName, sealName } from './name.ts'
export { type OpenedEnvelope, type OpenInput, type OpenStep, openEnvelope } from './open-envelope.ts'
export { acceptOpener, createOpener } from './opener.ts'
export { openProfile, type ProfilePlace, sealProfile } from './profile.ts'
export { type SafetyNumber, safetyNumber } from './safety-number.ts'
export { type SealInput, type SealTarget, sealEnvelope } from './seal-envelope.ts'
export { readSlot } from './slot.ts'
