/** The audit log's cold side: leaves that stand for themselves, and the day partitions of the leaf bodies. */
import { MeshError } from '@claudemesh/protocol'
import type { Database } from './database.ts'

/**
 * Appends leaves that are no part of another effect (`auth-refused`, `limited`, `invite-refused`, `checkpoint`).
 * `fields` are encoded by crypto's `encodeFields`. Returns the index of each; throws `unknown-mesh`.
 */
export async function appendAudit(
  _db: Database,
  _p: { mesh: Uint8Array; leaves: readonly { type: string; fields: Uint8Array }[] },
): Promise<number[]> {
  throw new MeshError('unsupported', 'being built')
}

/** Makes the body partitions of the days from yesterday to a week ahead; call at start and once a day. */
export async function ensureAuditDays(_db: Database, _p: { now: number }): Promise<void> {
  throw new MeshError('unsupported', 'being built')
}

/** Drops the bodies of days that ended before `before` (ms); hashes stay. Returns how many days went. */
export async function dropAuditDays(_db: Database, _p: { before: number }): Promise<number> {
  throw new MeshError('unsupported', 'being built')
}
