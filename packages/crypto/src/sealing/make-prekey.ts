/** Makes a prekey: fresh agreement keys in a signed bundle that lives as long as every other. */
import { type PrekeyBundle, type Recipient, TIMES } from '@claudemesh/protocol'
import { signPrekey } from '../prekey.ts'
import type { Signer } from '../signer.ts'
import { type AgreementSecret, generateAgreement } from './agreement.ts'

/**
 * A new prekey of `owner`, fresh for 2 h and usable for 30 days after `n` (ms since 1970, never below its predecessor's).
 * The signer is the session key, or the member key where the owner is the person.
 */
export function makePrekey(p: { mesh: Uint8Array; owner: Recipient; n: number; signer: Signer }): {
  prekey: PrekeyBundle
  secret: AgreementSecret
} {
  const { bundle, secret } = generateAgreement()
  const prekey = signPrekey(
    {
      mesh: p.mesh,
      member: p.owner.member,
      session: p.owner.session,
      n: p.n,
      bundle,
      freshUntil: p.n + TIMES.prekeyFreshMs,
      usableUntil: p.n + TIMES.prekeyUsableMs,
    },
    p.signer,
  )
  return { prekey, secret }
}
