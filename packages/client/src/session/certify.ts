/** A session's certificate: 12 hours, made anew when less than 4 are left, naming the roster that is pinned now. */
import { type Signer, signCertificate } from '@claudemesh/crypto'
import { type Certificate, TIMES } from '@claudemesh/protocol'
import type { RosterKeeper } from '../roster/keeper.ts'
import type { Party } from './party.ts'

export const needsCertificate = (certificate: Certificate | null, now: number): boolean =>
  certificate === null || certificate.notAfter - now < TIMES.certificateRenewMs || certificate.notBefore > now

/** The certificate a session may use now; `null` for the person, who needs none. True in `fresh` when it was made anew. */
export function certify(
  party: Party,
  member: Signer,
  keeper: RosterKeeper,
  now: number,
): { certificate: Certificate | null; fresh: boolean } {
  if (party.recipient.session === null) return { certificate: null, fresh: false }
  if (!needsCertificate(party.certificate, now)) return { certificate: party.certificate, fresh: false }
  const { roster } = keeper
  party.certificate = signCertificate(
    {
      mesh: roster.mesh,
      member: member.publicKey,
      session: party.signer.publicKey,
      uuid: party.uuids.uuid,
      notBefore: now,
      notAfter: now + TIMES.certificateMs,
      rosterSeq: roster.seq,
      rosterHead: roster.head,
    },
    member,
    party.signer,
  )
  return { certificate: party.certificate, fresh: true }
}
