/** Reading a recipient's queue: what is not acked, in the order of seq. */
import type { FactKind, FactReason, Recipient } from '@claudemesh/protocol'
import type { Database } from './database.ts'
import type { QueueRow } from './delivery-types.ts'
import { run } from './query.ts'
import { recipientKey, recipientOf } from './recipient-key.ts'

interface Row {
  readonly seq: string
  readonly header: Uint8Array
  readonly slot: Uint8Array
  readonly body: Uint8Array
  readonly kind: FactKind | null
  readonly why: FactReason
  readonly envelope_id: Uint8Array
  readonly to_key: Uint8Array
  readonly at: string
  readonly signature: Uint8Array
}

/** Rows of a queue, and the mesh's last seq of that moment: above the rows, up to there, nothing else waits unless a limit cut them. */
export interface QueuePage {
  readonly rows: QueueRow[]
  readonly upTo: number
}

/** At most `maxRows` rows and, past the first, `maxBytes` bytes with seq > max(after, acked), ascending. */
export async function readQueue(
  db: Database,
  p: { mesh: Uint8Array; recipient: Recipient; after: number; maxRows: number; maxBytes: number },
): Promise<QueuePage> {
  // One statement, so that the rows and the mesh's seq are of one moment.
  const found = await run(
    db.sql<
      (Row & { head: string })[]
    >`select h.seq as head, q.* from mesh.mesh_head h left join lateral ${db.fn}.read_queue(
      h.mesh, ${recipientKey(p.recipient)}, ${p.after}, ${p.maxRows}, ${p.maxBytes}) q on true where h.mesh = ${p.mesh} order by q.seq`,
  )
  const rows = found.filter(row => row.seq !== null).map(row => queueRow(row, p))
  return { rows, upTo: Number(found[0]?.head ?? 0) }
}

function queueRow(row: Row, p: { mesh: Uint8Array; recipient: Recipient }): QueueRow {
  const seq = Number(row.seq)
  if (row.kind === null) return { seq, kind: 'envelope', header: row.header, slot: row.slot, body: row.body }
  const { kind, why, envelope_id: id, signature } = row
  const fact = {
    mesh: p.mesh,
    kind,
    why,
    id,
    from: p.recipient,
    to: recipientOf(row.to_key),
    at: Number(row.at),
    signature,
  }
  return { seq, kind: 'fact', fact }
}

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
