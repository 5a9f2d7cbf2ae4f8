/** Openers: one key agreement per sender and recipient prekey, so that an envelope costs none. */
import type { PrekeyBundle, Recipient } from '@claudemesh/protocol'
import { prekeyId } from '../prekey.ts'
import { recipientFields } from '../recipient.ts'
import { hash } from '../signed-bytes.ts'
import { type Agreed, type AgreementSecret, agreeFrom, agreeWith, openerId, wipe } from './agreement.ts'

interface Ends {
  readonly mesh: Uint8Array
  readonly from: Recipient
  readonly to: Recipient
  readonly prekeyId: Uint8Array
}

function pairKey(ends: Ends, agreed: Agreed): Uint8Array {
  const { ephemeral, encapsulationHash, box, kem } = agreed
  const who = [ends.mesh, ...recipientFields(ends.from), ...recipientFields(ends.to), ends.prekeyId]
  const key = hash('pair', [...who, ephemeral, encapsulationHash, box, kem])
  wipe(agreed)
  return key
}

/**
 * Opens a way to a recipient's prekey, which the caller has verified. The 1,152 bytes are public; `pairKey` (32 bytes)
 * lives in memory only, no longer than prekey and certificate. About 0.5 ms.
 * @throws MeshError `integrity` for a bundle whose keys are no keys.
 */
export function createOpener(p: { mesh: Uint8Array; from: Recipient; prekey: PrekeyBundle }): {
  opener: Uint8Array
  openerId: Uint8Array
  pairKey: Uint8Array
} {
  const { prekey } = p
  const to = { member: prekey.member, session: prekey.session }
  const agreed = agreeWith(prekey.bundle)
  const { opener } = agreed
  const ends = { mesh: p.mesh, from: p.from, to, prekeyId: prekeyId(prekey) }
  return { opener, openerId: openerId(opener), pairKey: pairKey(ends, agreed) }
}

/**
 * The recipient's end of an opener. A changed or foreign one gives another key, and then no slot opens.
 * @throws MeshError `integrity` for an opener of a wrong size or with an ephemeral key of small order.
 */
export function acceptOpener(p: Ends & { opener: Uint8Array; secret: AgreementSecret }): Uint8Array {
  return pairKey(p, agreeFrom(p.opener, p.secret))
}
