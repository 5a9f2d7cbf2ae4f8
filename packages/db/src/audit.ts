/** The audit log's cold side: leaves that stand for themselves, and the day partitions of the leaves. */
import type { Database } from './database.ts'
import { run } from './query.ts'

/**
 * Appends one leaf that is no part of another effect (`auth-refused`, `limited`, `invite-refused`, `checkpoint`).
 * `fields` are encoded by crypto's `encodeFields`. Returns its index; throws `unknown-mesh`.
 */
export async function appendAudit(
  db: Database,
  p: { mesh: Uint8Array; type: string; fields: Uint8Array },
): Promise<number> {
  const [row] = await run(
    db.sql<{ index: string }[]>`select mesh_fn.append_audit(${p.mesh}, ${p.type}, ${p.fields}) as index`,
  )
  return Number(row!.index)
}

/** Makes the partitions of the days from yesterday to a week ahead; `migrate` does so too, call it once a day. */
export async function ensureAuditDays(db: Database, p: { now: number }): Promise<void> {
  await run(db.sql`select mesh_fn.ensure_audit_days(mesh_fn.at(${p.now}))`)
}

/** Drops the leaves of days that ended before `before` (ms) and keeps their hashes. Returns how many days went. */
export async function dropAuditDays(db: Database, p: { before: number }): Promise<number> {
  const [row] = await run(
    db.sql<{ n: number }[]>`select mesh_fn.drop_audit_days(mesh_fn.at(${p.before})) as n`,
  )
  return row!.n
}
