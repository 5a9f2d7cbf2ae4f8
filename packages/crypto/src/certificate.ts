/** Session certificates: a member key and a session key say, over the same bytes, that they belong together for a while. */
import { type Certificate, certificate, equalBytes, MeshError, TIMES } from '@claudemesh/protocol'
import { type Field, hash } from './signed-bytes.ts'
import { type Signer, sign, verify, verifyAside } from './signer.ts'
import { uuidBytes } from './uuid.ts'

type Unsigned = Omit<Certificate, 'memberSignature' | 'sessionSignature'>

const SIGNED_BY = [
  ['memberSignature', 'member'],
  ['sessionSignature', 'session'],
] as const
const FIELDS = certificate.keyof().options

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

/** The signature of a certificate that does not hold; `null` where both do. */
export type CertificateVerdict = (typeof SIGNED_BY)[number][0] | null

/** The verdict on both signatures, from other threads where the host has them, for `verifyCertificate`. Never rejects. */
export async function judgeCertificate(c: Certificate): Promise<CertificateVerdict> {
  const fields = fieldsOf(c)
  const verdicts = SIGNED_BY.map(([signature, key]) =>
    verifyAside('certificate', fields, c[signature], c[key]),
  )
  const wrong = (await Promise.all(verdicts)).indexOf(false)
  return SIGNED_BY[wrong]?.[0] ?? null
}

/** The same at once. */
function judgeAtOnce(c: Certificate): CertificateVerdict {
  const fields = fieldsOf(c)
  const wrong = SIGNED_BY.find(([signature, key]) => !verify('certificate', fields, c[signature], c[key]))
  return wrong?.[0] ?? null
}

/**
 * Checks a certificate by itself; that its member stands in the roster is the caller's to check.
 * @param opts.at the moment it must cover, ms since 1970. @param opts.graceMs how long after `notAfter` it still passes.
 * @param opts.known one that was verified before: of a certificate with the same bytes the signatures are not verified again.
 * @param opts.verdict of `judgeCertificate` on this very certificate, where its signatures were verified so.
 * @throws MeshError `integrity` (another mesh, or a life that is empty or over 12 h), `bad-signature` (field
 * `memberSignature` or `sessionSignature`), `clock` (begins more than 5 min after `at`), `expired`.
 */
export function verifyCertificate(
  c: Certificate,
  opts: {
    mesh: Uint8Array
    at: number
    graceMs?: number
    known?: Certificate | undefined
    verdict?: CertificateVerdict | undefined
  },
): void {
  if (!equalBytes(c.mesh, opts.mesh))
    throw new MeshError('integrity', 'certificate of another mesh', { field: 'mesh' })
  if (!opts.known || !isSameCertificate(c, opts.known)) {
    const field = opts.verdict === undefined ? judgeAtOnce(c) : opts.verdict
    if (field !== null)
      throw new MeshError('bad-signature', 'the certificate was not signed by both its keys', { field })
  }
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

/** True when both hold the same values in every field, signatures and all. */
export const isSameCertificate = (a: Certificate, b: Certificate): boolean =>
  FIELDS.every(name => {
    const [one, other] = [a[name], b[name]]
    return one instanceof Uint8Array && other instanceof Uint8Array ? equalBytes(one, other) : one === other
  })
