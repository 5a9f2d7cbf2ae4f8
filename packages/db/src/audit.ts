/** The audit log's cold side: leaves that stand for themselves, the tree above them, and the day partitions. */
import { concatBytes } from '@claudemesh/protocol'
import { numberArray } from './array-text.ts'
import type { Database } from './database.ts'
import type { AuditLeafRow, AuditLeafRun } from './leaf-run.ts'
import { packedLeaves, unpackLeaves } from './packed-leaves.ts'
import { run } from './query.ts'

export { type AuditLeafRow, type AuditLeafRun, partOfRun, runEnd } from './leaf-run.ts'

/**
 * Appends one leaf that is no part of another effect (`auth-refused`, `limited`, `invite-refused`, `checkpoint`).
 * `fields` are encoded by crypto's `encodeFields`. Returns its index; throws `unknown-mesh`.
 */
export async function appendAudit(
  db: Database,
  p: { mesh: Uint8Array; type: string; fields: Uint8Array },
): Promise<number> {
  const [row] = await run(
    db.sql<{ index: string }[]>`select ${db.fn}.append_audit(${p.mesh}, ${p.type}, ${p.fields}) as index`,
  )
  return Number(row!.index)
}

/** Makes the partitions of the days from yesterday to a week ahead; `migrate` does so too, call it once a day. */
export async function ensureAuditDays(db: Database, p: { now: number }): Promise<void> {
  await run(db.sql`select ${db.fn}.ensure_audit_days(${db.fn}.at(${p.now}))`)
}

/** Drops the leaves of days that ended before `before` (ms) and keeps their hashes. Returns how many days went. */
export async function dropAuditDays(db: Database, p: { before: number }): Promise<number> {
  const [row] = await run(
    db.sql<{ n: number }[]>`select ${db.fn}.drop_audit_days(${db.fn}.at(${p.before})) as n`,
  )
  return row!.n
}

const HASH_BYTES = 32
const INDEX_BYTES = 8
/** Of a run of hashes: index of the first, count. */
const RUN_BYTES = INDEX_BYTES + 4

/** A log as it stands, and the newest checkpoint over it. */
export interface AuditHead {
  readonly mesh: Uint8Array
  /** Committed leaves. */
  readonly size: number
  readonly rosterSeq: number
  readonly rosterHead: Uint8Array
  readonly checkpoint: AuditCheckpoint | null
}
export interface AuditCheckpoint {
  readonly size: number
  readonly note: string
}
/** Root of the 2^level leaves from index · 2^level on. */
export interface AuditSubtree {
  readonly level: number
  readonly index: number
  readonly hash: Uint8Array
}
/** Logs with leaves that no checkpoint covers, at most `limit`. Size and roster head of each are of one moment. */
export async function auditDue(db: Database, p: { limit: number }): Promise<AuditHead[]> {
  const rows = await run(
    db.sql<
      {
        mesh: Uint8Array
        size: string
        roster_seq: string
        roster_head: Uint8Array
        checkpoint_size: string
        note: string | null
      }[]
    >`select * from ${db.fn}.audit_due(${p.limit})`,
  )
  return rows.map(row => ({
    mesh: row.mesh,
    size: Number(row.size),
    rosterSeq: Number(row.roster_seq),
    rosterHead: row.roster_head,
    checkpoint: row.note === null ? null : { size: Number(row.checkpoint_size), note: row.note },
  }))
}

/** The newest checkpoint of a mesh; `null` before the first. */
export async function newestCheckpoint(db: Database, mesh: Uint8Array): Promise<AuditCheckpoint | null> {
  const [row] = await run(db.sql<{ size: string; note: string }[]>`
    select c.size, c.note from mesh.audit_checkpoint c join mesh.mesh_head h on h.id = c.mesh_id
    where h.mesh = ${mesh} order by c.size desc limit 1`)
  return row ? { size: Number(row.size), note: row.note } : null
}

/** `limit` checkpoints over more than `above` and at most `upTo` leaves, smallest first: the newest of them, unless `order` says the smallest. */
export async function checkpointsIn(
  db: Database,
  p: { mesh: Uint8Array; above: number; upTo: number; limit: number; order?: 'newest' | 'smallest' },
): Promise<AuditCheckpoint[]> {
  const newest = p.order !== 'smallest'
  const rows = await run(db.sql<{ size: string; note: string }[]>`
    select c.size, c.note from mesh.audit_checkpoint c join mesh.mesh_head h on h.id = c.mesh_id
    where h.mesh = ${p.mesh} and c.size > ${p.above} and c.size <= ${p.upTo}
    order by ${newest ? db.sql`c.size desc` : db.sql`c.size`} limit ${p.limit}`)
  const found = rows.map(row => ({ size: Number(row.size), note: row.note }))
  return newest ? found.reverse() : found
}

/** Leaf hashes from `from` to before `to`, in order, also of pruned leaves; fewer where the log ends or has a gap. */
export async function leafHashes(
  db: Database,
  p: { mesh: Uint8Array; from: number; to: number },
): Promise<Uint8Array[]> {
  // As one value: a row for each hash cost the broker more than hashing it. Runs come in order; that is looked at below.
  const [row] = await run(db.sql<{ places: Uint8Array | null }[]>`
    select ${db.fn}.packed_hashes(h.id, ${p.from}, ${p.to - 1}) as places
    from mesh.mesh_head h where h.mesh = ${p.mesh}`)
  const places = row?.places ?? new Uint8Array()
  const view = new DataView(places.buffer, places.byteOffset, places.byteLength)
  const hashes: Uint8Array[] = []
  for (let at = 0; at < places.length; ) {
    const first = Number(view.getBigInt64(at))
    const end = first + view.getUint32(at + INDEX_BYTES)
    at += RUN_BYTES
    // The next one, or one of a run that began before what was asked for.
    const next = p.from + hashes.length
    if (first !== next && (hashes.length > 0 || first > next)) break
    for (let index = next; index < Math.min(end, p.to); index++) {
      const place = at + (index - first) * HASH_BYTES
      hashes.push(places.subarray(place, place + HASH_BYTES))
    }
    at += (end - first) * HASH_BYTES
  }
  return hashes
}

/** Hashes of the stored subtrees of one level, from index `from` to before `to`, in order. */
export async function subtreeHashes(
  db: Database,
  p: { mesh: Uint8Array; level: number; from: number; to: number },
): Promise<Uint8Array[]> {
  const rows = await run(db.sql<{ hash: Uint8Array }[]>`
    select s.hash from mesh.audit_subtree s join mesh.mesh_head h on h.id = s.mesh_id
    where h.mesh = ${p.mesh} and s.level = ${p.level} and s.index >= ${p.from} and s.index < ${p.to} order by s.index`)
  return rows.map(row => row.hash)
}

/**
 * Stores a signed head with its leaf and the subtrees that were completed below it, in one transaction.
 * False where this size was signed before: then nothing new stands. Throws `unknown-mesh`.
 */
export async function putCheckpoint(
  db: Database,
  p: {
    mesh: Uint8Array
    checkpoint: AuditCheckpoint
    fields: Uint8Array
    subtrees: readonly AuditSubtree[]
  },
): Promise<boolean> {
  const { mesh, checkpoint, fields, subtrees } = p
  const [row] = await run(db.sql<{ fresh: boolean }[]>`select ${db.fn}.put_checkpoint(
    ${mesh}, ${checkpoint.size}, ${checkpoint.note}, ${fields},
    ${numberArray(subtrees.map(one => one.level))}::int[], ${numberArray(subtrees.map(one => one.index))}::bigint[],
    ${concatBytes(...subtrees.map(one => one.hash))}) as fresh`)
  return row!.fresh
}

/** Leaves from `from` to before `to`, by index: what stands at a place is told by `index`, which a tampered log repeats or leaves out. */
export async function auditLeaves(
  db: Database,
  p: { mesh: Uint8Array; from: number; to: number },
): Promise<AuditLeafRow[]> {
  const rows = await run(
    db.sql<
      LeafRow[]
    >`select f.* from mesh.mesh_head h, ${db.fn}.read_leaves(h.id, ${p.from}, ${p.to}) f where h.mesh = ${p.mesh} order by f.index`,
  )
  return rows.map(leafRow)
}

/**
 * Every leaf of a mesh in the order of its index, `page` places at a time, whatever stands there: for who believes nothing.
 * What one row holds stays together, and a page comes as one value: a million rows of the driver's own took longer than
 * hashing them.
 */
export async function* auditRows(
  db: Database,
  p: { mesh: Uint8Array; page: number },
): AsyncGenerator<(AuditLeafRow | AuditLeafRun)[]> {
  const [log] = await run(db.sql<{ chunks: boolean }[]>`
    select to_regclass('mesh.audit_chunk') is not null as chunks`)
  const chunks = log!.chunks
    ? db.sql`(select max(c.index + greatest(octet_length(c.hashes) / 32, 1) - 1) from mesh.audit_chunk c where c.mesh_id = h.id)`
    : db.sql`null`
  const [head] = await run(db.sql<{ id: number; top: string | null }[]>`
    select h.id, greatest((select max(l.index) from mesh.audit_leaf l where l.mesh_id = h.id),
      (select max(x.index) from mesh.audit_pruned x where x.mesh_id = h.id), ${chunks}) as top
    from mesh.mesh_head h where h.mesh = ${p.mesh}`)
  if (!head || head.top === null) return
  const statement = packedLeaves(log!.chunks)
  const read = (from: number) =>
    run(
      db.lane.call<{ rows: Uint8Array | null }>(statement, [
        String(head.id),
        String(from),
        String(from + p.page),
      ]),
    )
  // The server reads the next page while this one is looked at.
  let next = read(0)
  for (let from = 0; from <= Number(head.top); from += p.page) {
    const [packed] = await next
    next = read(from + p.page)
    next.catch(() => {})
    yield unpackLeaves(packed?.rows ?? new Uint8Array(), { from, to: from + p.page })
  }
  await next
}

/** Every mesh that the database holds. */
export async function meshIds(db: Database): Promise<Uint8Array[]> {
  const rows = await run(db.sql<{ mesh: Uint8Array }[]>`select mesh from mesh.mesh_head order by id`)
  return rows.map(row => row.mesh)
}

interface LeafRow {
  readonly index: string
  readonly hash: Uint8Array
  readonly at: string
  readonly salt: Uint8Array | null
  readonly type: string
  readonly fields: Uint8Array
}

const leafRow = ({ index, hash, at, salt, type, fields }: LeafRow): AuditLeafRow => ({
  index: Number(index),
  hash,
  body: salt === null ? null : { at: Number(at), salt, type, fields },
})
