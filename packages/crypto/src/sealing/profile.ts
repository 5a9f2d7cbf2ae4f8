/** Profiles (name, role, groups, summary, directory) under the epoch key, padded so that their size says little. */
import {
  concatBytes,
  LIMITS,
  MeshError,
  type Profile,
  profile as profileSchema,
  SIZES,
} from '@claudemesh/protocol'
import { randomBytes } from '../random.ts'
import { signedBytes } from '../signed-bytes.ts'
import { decrypt, encrypt, TAG } from './aead.ts'
import { padText, unpadText } from './zero-padded.ts'

/** Whose profile it is, and under which key: bound as associated data. */
export interface ProfilePlace {
  readonly epochKey: Uint8Array
  readonly epoch: number
  readonly mesh: Uint8Array
  readonly member: Uint8Array
  readonly session: Uint8Array
}

const associated = (p: ProfilePlace): Uint8Array =>
  signedBytes('profile', [p.mesh, p.member, p.session, p.epoch])

/**
 * Nonce 24 ‖ sealed(4-byte length ‖ JSON ‖ zeros up to a multiple of 512) with its tag 16.
 * @throws MeshError `bad-field` for a profile that its schema refuses, `too-large` over 16 KiB of JSON.
 */
export function sealProfile(p: ProfilePlace & { readonly profile: Profile }): Uint8Array {
  const parsed = profileSchema.safeEncode(p.profile)
  if (!parsed.success) {
    const field = ['profile', ...(parsed.error.issues[0]?.path ?? [])].join('.')
    throw new MeshError('bad-field', 'the profile is out of bounds', { field })
  }
  const size = (content: number) => Math.ceil(content / LIMITS.profilePad) * LIMITS.profilePad
  const padded = padText(JSON.stringify(parsed.data), 4, size)
  if (!padded || padded.length > LIMITS.profileBytes) {
    throw new MeshError('too-large', 'the profile is too large', { field: 'profile' })
  }
  const nonce = randomBytes(SIZES.nonce)
  return concatBytes(nonce, encrypt(p.epochKey, nonce, associated(p), padded))
}

/** @throws MeshError `integrity` when it was sealed for another place, was changed, or is no profile. */
export function openProfile(p: ProfilePlace & { readonly sealed: Uint8Array }): Profile {
  const refuse = (cause?: unknown) =>
    new MeshError('integrity', 'a profile does not open', { field: 'profile', cause })
  const padded = decrypt(
    p.epochKey,
    p.sealed.slice(0, SIZES.nonce),
    associated(p),
    p.sealed.slice(SIZES.nonce),
  )
  if (!padded || (p.sealed.length - SIZES.nonce - TAG) % LIMITS.profilePad !== 0) throw refuse()
  const text = unpadText(padded, 4, refuse)
  try {
    return profileSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw refuse(cause)
  }
}
