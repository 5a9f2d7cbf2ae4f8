/** Prekey bundles: what others seal to until its owner rotates it, signed by the session, or by the member for the person. */
import { equalBytes, MeshError, type PrekeyBundle, SIZES, TIMES } from '@claudemesh/protocol'
import { voiceOf } from './recipient.ts'
import { type Field, hash } from './signed-bytes.ts'
import { type Signer, sign, verify, verifyAside } from './signer.ts'

type Unsigned = Omit<PrekeyBundle, 'signature'>

const fieldsOf = (b: Unsigned): Field[] => [
  b.mesh,
  b.member,
  b.session,
  b.n,
  b.bundle.x25519,
  b.bundle.xwing,
  b.freshUntil,
  b.usableUntil,
]

/** The 16 bytes that name a signed bundle: the beginning of the hash over its fields and signature. */
export const prekeyId = (b: PrekeyBundle): Uint8Array =>
  hash('bundle', [...fieldsOf(b), b.signature]).slice(0, SIZES.prekeyId)

/** Signs a bundle with its owner's session key, or with the member key where `session` is `null`. */
export const signPrekey = (unsigned: Unsigned, signer: Signer): PrekeyBundle => ({
  ...unsigned,
  signature: sign('bundle', fieldsOf(unsigned), signer.secretKey),
})

/** Whether its signature holds, from another thread where the host has one, for `verifyPrekey`. Never rejects. */
export const judgePrekey = (b: PrekeyBundle): Promise<boolean> =>
  verifyAside('bundle', fieldsOf(b), b.signature, voiceOf(b))

/**
 * Checks a bundle by itself; that `n` is not below the highest seen is the caller's to check.
 * @param opts.now the reader's clock, ms since 1970.
 * @param opts.signed the verdict of `judgePrekey` on this very bundle, where its signature was verified so.
 * @throws MeshError `integrity` (another mesh, `freshUntil` not n + 2 h, `usableUntil` not n + 30 days),
 * `bad-signature`, `clock` (`n` more than 5 min ahead), `expired` (`now` past `usableUntil`).
 */
export function verifyPrekey(
  b: PrekeyBundle,
  opts: { mesh: Uint8Array; now: number; signed?: boolean | undefined },
): void {
  if (!equalBytes(b.mesh, opts.mesh))
    throw new MeshError('integrity', 'prekey of another mesh', { field: 'mesh' })
  if (!(opts.signed ?? verify('bundle', fieldsOf(b), b.signature, voiceOf(b)))) {
    throw new MeshError('bad-signature', 'the prekey was not signed by its owner', { field: 'signature' })
  }
  for (const [field, life] of [
    ['freshUntil', TIMES.prekeyFreshMs],
    ['usableUntil', TIMES.prekeyUsableMs],
  ] as const) {
    if (b[field] !== b.n + life)
      throw new MeshError('integrity', 'a prekey lives as long as every other', { field })
  }
  if (b.n > opts.now + TIMES.idSkewMs) {
    throw new MeshError('clock', 'the prekey is ahead of this clock', {
      field: 'n',
      facts: { aheadMs: b.n - opts.now },
    })
  }
  if (opts.now > b.usableUntil) throw new MeshError('expired', 'the prekey ran out', { field: 'usableUntil' })
}
