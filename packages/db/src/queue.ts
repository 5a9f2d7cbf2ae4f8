/** A recipient's queue: reading what is not acked, and what becomes of the rest. */
import type { Database } from './database.ts'
import { run } from './query.ts'
import type { QueueAsked, QueuePage } from './queue-reads.ts'

/**
 * At most `maxRows` rows and, past the first, `maxBytes` bytes with seq > max(after, acked), ascending; fewer beside mail. Throws MeshError
 * `unavailable` when the database is gone.
 */
export const readQueue = (db: Database, asked: QueueAsked): Promise<QueuePage> => run(db.reads.read(asked))

/** Facts whose 30 days are over go; returns how many. */
export async function dropOldFacts(db: Database, p: { now: number }): Promise<number> {
  const [row] = await run(db.sql<{ n: number }[]>`select ${db.fn}.drop_old_facts(${p.now}) as n`)
  return row!.n
}

/**
 * Gives the pages of deleted rows back to the queue at once: what comes next is written to pages that are in memory, where it would make the
 * table grow until autovacuum comes by. `gone`: rows deleted since it was done last. False where that is not worth it or not allowed.
 */
export async function reclaimQueue(db: Database, p: { gone: number }): Promise<boolean> {
  const [row] = await run(db.sql<{ worth: boolean }[]>`select ${db.fn}.worth_reclaiming(${p.gone}) as worth`)
  // The table keeps its length: it will be as long again. Whoever vacuums it already does the same.
  if (row!.worth)
    await run(db.sql.unsafe('vacuum (truncate false, skip_locked, parallel 0) mesh.delivery').simple())
  return row!.worth
}

/** Deliveries and facts that wait, over all meshes; one small read. */
export async function queueDepth(db: Database): Promise<number> {
  const [row] = await run(db.sql<{ n: string }[]>`select coalesce(sum(queued), 0) as n from mesh.mesh_head`)
  return Number(row!.n)
}
