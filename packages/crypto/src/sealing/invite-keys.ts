/** The keys of an invite, all from the 32-byte secret behind the `#` of its link. */
import type { AgreementBundle } from '@claudemesh/protocol'
import { generateSigner, type Signer } from '../signer.ts'
import { sodium } from '../sodium.ts'
import { type AgreementSecret, generateAgreement } from './agreement.ts'

const CONTEXT = 'meshinvt'

/** Subkeys of `crypto_kdf_derive_from_key`: 1 ed25519 seed, 2 X25519 seed, 3 X-Wing seed. */
export function deriveInviteKeys(secret: Uint8Array): {
  signer: Signer
  bundle: AgreementBundle
  agreement: AgreementSecret
} {
  const subkey = (n: number) => sodium.crypto_kdf_derive_from_key(32, n, CONTEXT, secret)
  const seeds = { signer: subkey(1), x25519: subkey(2), xwing: subkey(3) }
  const signer = generateSigner(seeds.signer)
  const { bundle, secret: agreement } = generateAgreement(seeds)
  for (const seed of Object.values(seeds)) sodium.memzero(seed)
  return { signer, bundle, agreement }
}
