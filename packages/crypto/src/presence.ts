/** Presence records: what a session says of itself, signed by its own key, the sealed profile bound in by its hash. */
import { equalBytes, MeshError, type PresenceRecord, TIMES } from '@claudemesh/protocol'
import { type Field, hash } from './signed-bytes.ts'
import { type Signer, sign, verify, verifyAside } from './signer.ts'

type Unsigned = Omit<PresenceRecord, 'signature'>

/** The 32-byte hash by which a presence record binds a sealed profile. */
export const profileHash = (sealed: Uint8Array): Uint8Array => hash('profile', [sealed])

const fieldsOf = (p: Unsigned): Field[] => [
  p.mesh,
  p.member,
  p.session,
  p.counter,
  p.status,
  p.source,
  p.at,
  p.rosterSeq,
  p.rosterHead,
  p.epoch,
  profileHash(p.profile),
]

/** Signs a record with the session key. */
export const signPresence = (unsigned: Unsigned, session: Signer): PresenceRecord => ({
  ...unsigned,
  signature: sign('presence', fieldsOf(unsigned), session.secretKey),
})

/** Whether its signature holds, from another thread where the host has one, for `verifyPresence`. Never rejects. */
export const judgePresence = (p: PresenceRecord): Promise<boolean> =>
  verifyAside('presence', fieldsOf(p), p.signature, p.session)

/**
 * Checks a record by itself; that its counter goes up and a certificate stands behind `session` is the caller's to check.
 * @param opts.now the reader's clock, ms since 1970; left out, times are not judged.
 * @param opts.signed the verdict of `judgePresence` on this very record, where its signature was verified so.
 * @throws MeshError `integrity` (another mesh), `bad-signature`, `clock` (`counter` or `at` more than 5 min ahead).
 */
export function verifyPresence(
  p: PresenceRecord,
  opts: { mesh: Uint8Array; now?: number; signed?: boolean | undefined },
): void {
  if (!equalBytes(p.mesh, opts.mesh))
    throw new MeshError('integrity', 'presence of another mesh', { field: 'mesh' })
  if (!(opts.signed ?? verify('presence', fieldsOf(p), p.signature, p.session))) {
    throw new MeshError('bad-signature', 'the presence was not signed by its session', { field: 'signature' })
  }
  if (opts.now === undefined) return
  for (const field of ['counter', 'at'] as const) {
    if (p[field] > opts.now + TIMES.idSkewMs)
      throw new MeshError('clock', 'the presence is ahead of this clock', { field })
  }
}
