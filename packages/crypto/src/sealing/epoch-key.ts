/** The mesh key of an epoch: sealed to each receiver, committed to in the roster, its predecessor sealed under it. */
import { type AgreementBundle, concatBytes, equalBytes, MeshError, SIZES } from '@claudemesh/protocol'
import { randomBytes } from '../random.ts'
import { hash, signedBytes } from '../signed-bytes.ts'
import { sodium } from '../sodium.ts'
import { decrypt, encrypt } from './aead.ts'
import { type Agreed, type AgreementSecret, agreeFrom, agreeWith, wipe } from './agreement.ts'

/** Each wrapping key is used once, so its nonce may be constant. */
const ZERO_NONCE = new Uint8Array(SIZES.nonce)

/** A new key of an epoch: 32 random bytes. */
export const newEpochKey = (): Uint8Array => randomBytes(32)

/** What the roster says of an epoch key, so that everybody holds the same one: 32 bytes. */
export const epochCommitment = (number: number, key: Uint8Array): Uint8Array => hash('rekey', [number, key])

const wrappingKey = (agreed: Agreed, to: Uint8Array): Uint8Array =>
  hash('rekey', [to, agreed.ephemeral, agreed.encapsulationHash, agreed.box, agreed.kem])

/** Seals an epoch key to a member or an open invite (`to.key` names it): opener 1152 ‖ key 32 ‖ tag 16. */
export function sealEpochKey(p: {
  number: number
  key: Uint8Array
  to: { key: Uint8Array; bundle: AgreementBundle }
}): Uint8Array {
  const agreed = agreeWith(p.to.bundle)
  const wrapping = wrappingKey(agreed, p.to.key)
  const ad = signedBytes('rekey', [p.number, epochCommitment(p.number, p.key), p.to.key])
  const copy = concatBytes(agreed.opener, encrypt(wrapping, ZERO_NONCE, ad, p.key))
  wipe(agreed)
  sodium.memzero(wrapping)
  return copy
}

/**
 * Opens a copy of an epoch key and checks it against the commitment that stands in the roster.
 * @throws MeshError `integrity` when it was sealed to somebody else, changed, or holds another key.
 */
export function openEpochKey(p: {
  number: number
  commitment: Uint8Array
  copy: Uint8Array
  to: { key: Uint8Array; secret: AgreementSecret }
}): Uint8Array {
  const agreed = agreeFrom(p.copy.slice(0, SIZES.opener), p.to.secret)
  const wrapping = wrappingKey(agreed, p.to.key)
  const ad = signedBytes('rekey', [p.number, p.commitment, p.to.key])
  const key = decrypt(wrapping, ZERO_NONCE, ad, p.copy.slice(SIZES.opener))
  wipe(agreed)
  sodium.memzero(wrapping)
  if (!key || !equalBytes(epochCommitment(p.number, key), p.commitment)) {
    throw new MeshError('integrity', 'this is no copy of the epoch key for this receiver', { field: 'copy' })
  }
  return key
}

const previousAd = (number: number): Uint8Array => signedBytes('rekey', [number, 'previous'])

/** Seals the key of the epoch before under the key of epoch `number`: nonce 24 ‖ key 32 ‖ tag 16. */
export function sealPreviousEpochKey(p: {
  key: Uint8Array
  number: number
  previous: Uint8Array
}): Uint8Array {
  const nonce = randomBytes(SIZES.nonce)
  return concatBytes(nonce, encrypt(p.key, nonce, previousAd(p.number), p.previous))
}

/**
 * The key of the epoch before `number`.
 * @param p.commitment what the roster says of epoch `number - 1`; left out, the caller holds the key against it.
 * @throws MeshError `integrity` when it does not open or is not the key of that epoch.
 */
export function openPreviousEpochKey(p: {
  key: Uint8Array
  number: number
  sealed: Uint8Array
  commitment?: Uint8Array
}): Uint8Array {
  const previous = decrypt(
    p.key,
    p.sealed.slice(0, SIZES.nonce),
    previousAd(p.number),
    p.sealed.slice(SIZES.nonce),
  )
  const meets = (key: Uint8Array) =>
    !p.commitment || equalBytes(epochCommitment(p.number - 1, key), p.commitment)
  if (!previous || !meets(previous)) {
    throw new MeshError('integrity', 'the key of the epoch before does not open', { field: 'previous' })
  }
  return previous
}
