/** Session certificates: a member key and a session key say, over the same bytes, that they belong together for a while. */
import { type Certificate, equalBytes, MeshError, TIMES } from '@claudemesh/protocol'
import { encodeFields, type Field, hash } from './signed-bytes.ts'
import { type Signer, sign, verify } from './signer.ts'
import { uuidBytes } from './uuid.ts'

type Unsigned = Omit<Certificate, 'memberSignature' | 'sessionSignature'>

const fieldsOf = (c: Unsigned): Field[] => [
  c.mesh,
  c.member,
  c.session,
  uuidBytes(c.uuid),
  c.notBefore,
  c.notAfter,
  c.rosterSeq,
  c.rosterHead,
]

/** Signs with both keys: one that only the member vouched for could be somebody else's session. */
export function signCertificate(unsigned: Unsigned, member: Signer, session: Signer): Certificate {
  const fields = fieldsOf(unsigned)
  return {
    ...unsigned,
    memberSignature: sign('certificate', fields, member.secretKey),
    sessionSignature: sign('certificate', fields, session.secretKey),
  }
}

/** The 32-byte hash of a certificate over its fields and both signatures; `attach` is signed over it. */
export const certificateHash = (c: Certificate): Uint8Array =>
  hash('certificate', [...fieldsOf(c), c.memberSignature, c.sessionSignature])

/**
 * Checks a certificate by itself; that its member stands in the roster is the caller's to check.
 * @param opts.at the moment it must cover, ms since 1970. @param opts.graceMs how long after `notAfter` it still passes.
 * @param opts.known one that was verified before: of a certificate with the same bytes the signatures are not verified again.
 * @throws MeshError `integrity` (another mesh, or a life that is empty or over 12 h), `bad-signature` (field
 * `memberSignature` or `sessionSignature`), `clock` (begins more than 5 min after `at`), `expired`.
 */
export function verifyCertificate(
  c: Certificate,
  opts: { mesh: Uint8Array; at: number; graceMs?: number; known?: Certificate | undefined },
): void {
  if (!equalBytes(c.mesh, opts.mesh))
    throw new MeshError('integrity', 'certificate of another mesh', { field: 'mesh' })
  if (!opts.known || !isSame(c, opts.known)) verifySignatures(c)
  const life = c.notAfter - c.notBefore
  if (life <= 0 || life > TIMES.certificateMs) {
    throw new MeshError('integrity', 'a certificate lives for at most 12 hours', { field: 'notAfter' })
  }
  if (opts.at < c.notBefore - TIMES.idSkewMs) {
    throw new MeshError('clock', 'the certificate is not valid yet', {
      field: 'notBefore',
      facts: { notBefore: c.notBefore },
    })
  }
  if (opts.at > c.notAfter + (opts.graceMs ?? 0)) {
    throw new MeshError('expired', 'the certificate ran out', {
      field: 'notAfter',
      facts: { notAfter: c.notAfter },
    })
  }
}

function verifySignatures(c: Certificate): void {
  const fields = fieldsOf(c)
  for (const [field, key] of [
    ['memberSignature', c.member],
    ['sessionSignature', c.session],
  ] as const) {
    if (!verify('certificate', fields, c[field], key)) {
      throw new MeshError('bad-signature', 'the certificate was not signed by both its keys', { field })
    }
  }
}

const allBytes = (c: Certificate): Uint8Array =>
  encodeFields([...fieldsOf(c), c.memberSignature, c.sessionSignature])
const isSame = (a: Certificate, b: Certificate): boolean => equalBytes(allBytes(a), allBytes(b))
