/** A session certificate against the roster the broker has verified itself. */
import { verifyCertificate } from '@claudemesh/crypto'
import { type Certificate, equalBytes, MeshError, type Recipient, toBase64url } from '@claudemesh/protocol'
import type { MeshState } from './mesh-state.ts'

/** Throws unless `certificate` is for this session, signed by both keys, within its times, by a member, on this chain. */
export function checkCertificate(
  { id, roster }: MeshState,
  certificate: Certificate,
  session: Recipient,
  now: number,
): void {
  const { member, session: key, rosterSeq, rosterHead } = certificate
  if (session.session === null || !equalBytes(member, session.member) || !equalBytes(key, session.session))
    throw new MeshError('forbidden', 'The certificate is for another session.', { field: 'certificate' })
  if (!roster.members.has(toBase64url(member)))
    throw new MeshError('unauthenticated', 'The certificate is by no member of this mesh.', {
      field: 'certificate.member',
    })
  verifyCertificate(certificate, { mesh: id, at: now })
  const head = roster.heads[rosterSeq]
  if (head !== undefined && !equalBytes(head, rosterHead))
    throw new MeshError('integrity', 'The certificate knows another roster than this broker.', {
      field: 'certificate.rosterHead',
    })
}
