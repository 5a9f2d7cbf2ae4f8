/** What other nodes did to the meshes that are in this one's memory: the slow way to learn what a backplane tells at once. */

import { byteaArray } from './array-text.ts'
import type { Database } from './database.ts'
import type { Seat } from './delivery-types.ts'
import { run, timeOf } from './query.ts'
import { recipientOf } from './recipient-key.ts'

/** What names this database to the nodes that share it, lower-case UUID; made with it. */
export async function clusterId(db: Database): Promise<string> {
  const [row] = await run(db.sql<{ id: string }[]>`select id::text as id from mesh.cluster`)
  return row!.id
}

/** How many other nodes are alive at `now` (ms; the database's clock where it is not given), and its own time (ms), by which leases change. */
export async function otherNodes(
  db: Database,
  p: { node: string; now?: number },
): Promise<{ others: number; clock: number }> {
  const [row] = await run(db.sql<{ n: number; clock: string }[]>`select count(*)::int as n,
    ${db.fn}.ms(clock_timestamp()) as clock from mesh.node
    where name <> ${p.node} and beat_until >= ${timeOf(db, p.now)}`)
  return { others: row!.n, clock: Number(row!.clock) }
}

/** How far a mesh has come. */
export interface MeshHead {
  readonly mesh: Uint8Array
  /** The last seq given. */
  readonly seq: number
  readonly rosterSeq: number
  /** Leaves under the newest checkpoint; 0 without one. */
  readonly checkpointSize: number
}

/** The heads of these meshes; one that is not there is left out. */
export async function meshHeads(db: Database, p: { meshes: readonly Uint8Array[] }): Promise<MeshHead[]> {
  const rows = await run(db.sql<
    { mesh: Uint8Array; seq: string; roster_seq: string; size: string | null }[]
  >`select h.mesh, h.seq, h.roster_seq,
      (select c.size from mesh.audit_checkpoint c where c.mesh_id = h.id order by c.size desc limit 1) as size
    from mesh.mesh_head h where h.mesh = any(${byteaArray(p.meshes)}::bytea[])`)
  return rows.map(row => ({
    mesh: row.mesh,
    seq: Number(row.seq),
    rosterSeq: Number(row.roster_seq),
    checkpointSize: Number(row.size ?? 0),
  }))
}

/** The newest that waits for a recipient attached at a node. */
export interface Waiting extends Seat {
  readonly newest: number
}

/** Who of those attached at `node` in these meshes has mail that is not acked. */
export async function waitingAt(
  db: Database,
  p: { node: string; meshes: readonly Uint8Array[] },
): Promise<Waiting[]> {
  const rows = await run(db.sql<{ mesh: Uint8Array; key: Uint8Array; newest: string }[]>`
    select h.mesh, r.key, q.seq as newest from mesh.lease l
    join mesh.recipient r on r.id = l.recipient_id join mesh.mesh_head h on h.id = r.mesh_id
    cross join lateral (select d.seq from mesh.delivery d where d.recipient_id = r.id and d.seq > r.acked
      order by d.seq desc limit 1) q
    where l.node = ${p.node} and l.state = 'online' and h.mesh = any(${byteaArray(p.meshes)}::bytea[])`)
  return rows.map(row => ({ mesh: row.mesh, recipient: recipientOf(row.key), newest: Number(row.newest) }))
}

/** A recipient of which others see something new. */
export interface LeaseNews extends Seat {
  /** The attachment that stands. */
  readonly attachment: number
  /** ms of the database's clock. */
  readonly changedAt: number
}

/** Leases that changed at `since` (ms of the database's clock) or later, the oldest first, at most `limit`. */
export async function changedLeases(db: Database, p: { since: number; limit: number }): Promise<LeaseNews[]> {
  const rows = await run(db.sql<
    { mesh: Uint8Array; key: Uint8Array; attachment: string; changed_at: string }[]
  >`select h.mesh, r.key, r.attachment, ${db.fn}.ms(l.changed_at) as changed_at from mesh.lease l
    join mesh.recipient r on r.id = l.recipient_id join mesh.mesh_head h on h.id = r.mesh_id
    where l.changed_at >= ${db.fn}.at(${p.since}) order by l.changed_at limit ${p.limit}`)
  return rows.map(row => ({
    mesh: row.mesh,
    recipient: recipientOf(row.key),
    attachment: Number(row.attachment),
    changedAt: Number(row.changed_at),
  }))
}
