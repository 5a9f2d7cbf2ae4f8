/** Names of meshes and members under an epoch key, always 298 bytes: the broker sees neither name nor length. */
import { concatBytes, LIMITS, MAX_NAME_BYTES, MeshError, SIZES } from '@claudemesh/protocol'
import { randomBytes } from '../random.ts'
import { signedBytes } from '../signed-bytes.ts'
import { decrypt, encrypt } from './aead.ts'
import { padText, unpadText } from './zero-padded.ts'

/** Where a sealed name stands: nobody can move it to another mesh, author, epoch or meaning. */
export interface NamePlace {
  readonly epochKey: Uint8Array
  readonly epoch: number
  /** `null` in a genesis, whose mesh has no id yet. */
  readonly mesh: Uint8Array | null
  /** Member key of the author of the entry that holds the name. */
  readonly author: Uint8Array
  readonly what: 'mesh' | 'member'
}

const associated = (p: NamePlace): Uint8Array => signedBytes('profile', [p.mesh, p.author, p.epoch, p.what])
const fits = (name: string): boolean =>
  name.length > 0 && [...name].length <= LIMITS.nameChars && name.isWellFormed()

/**
 * Nonce 24 ‖ sealed(2-byte length ‖ UTF-8 ‖ zeros up to 258) with its tag 16.
 * @throws MeshError `usage` (field `name`) for an empty name or one over 64 characters (code points).
 */
export function sealName(p: NamePlace & { readonly name: string }): Uint8Array {
  const padded = fits(p.name) && padText(p.name, 2, () => 2 + MAX_NAME_BYTES)
  if (!padded)
    throw new MeshError('usage', `a name has 1 to ${LIMITS.nameChars} characters`, { field: 'name' })
  const nonce = randomBytes(SIZES.nonce)
  return concatBytes(nonce, encrypt(p.epochKey, nonce, associated(p), padded))
}

/** @throws MeshError `integrity` when the name was sealed for another place, was changed or is none. */
export function openName(p: NamePlace & { readonly sealed: Uint8Array }): string {
  const refuse = () => new MeshError('integrity', 'a name does not open', { field: 'name' })
  const padded = decrypt(
    p.epochKey,
    p.sealed.slice(0, SIZES.nonce),
    associated(p),
    p.sealed.slice(SIZES.nonce),
  )
  if (padded?.length !== 2 + MAX_NAME_BYTES) throw refuse()
  const name = unpadText(padded, 2, refuse)
  if (!fits(name)) throw refuse()
  return name
}
