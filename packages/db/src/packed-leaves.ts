/** A page of leaves as one value, taken apart by hand: a million rows of the driver's own took longer than hashing them. */
import { type AuditLeafRow, type AuditLeafRun, HASH_BYTES, partOfRun, runEnd } from './leaf-run.ts'

/** Leaves that one row of `audit_chunk` holds at most. */
export const CHUNK_LEAVES = 1024

/**
 * Every leaf of a mesh ($1) from index $2 to before $3 as PostgreSQL writes a record in binary; of a pruned one the hash alone.
 * A chunk comes as it lies, its bodies in the place of a salt, also where it begins before $2 or ends behind $3. One whose lengths
 * do not fit has no bodies. `chunks`: the database has them.
 */
export const packedLeaves = (
  chunks: boolean,
): string => `select string_agg(record_send(x), ''::bytea) as rows from (
  select p.index, p.hash, null::timestamptz as at, null::bytea as salt, null::text as type, null::bytea as fields, false as chunk
  from mesh.audit_pruned p where p.mesh_id = $1::int and p.index >= $2::bigint and p.index < $3::bigint
  union all
  select l.index, l.hash, l.at, l.salt, l.type, l.fields, false
  from mesh.audit_leaf l where l.mesh_id = $1::int and l.index >= $2::bigint and l.index < $3::bigint
  ${chunks ? CHUNKS : ''}
  order by index) x`

const CHUNKS = `union all
  select k.index, substring(k.hashes for ${CHUNK_LEAVES * HASH_BYTES}), k.at,
    case when octet_length(k.bodies) >= n.count * 16 and octet_length(k.bodies) % n.count = 0
      and octet_length(k.hashes) = n.count * ${HASH_BYTES} and n.count <= ${CHUNK_LEAVES} then k.bodies else '' end,
    k.type, null::bytea, true
  from mesh.audit_chunk k cross join lateral (select greatest(octet_length(k.hashes) / ${HASH_BYTES}, 1) as count offset 0) n
  where k.mesh_id = $1::int and k.index > $2::bigint - ${CHUNK_LEAVES} and k.index < $3::bigint and k.index + n.count > $2::bigint`

const ABSENT = 0xffff_ffff
/** The count of fields before a record, and the type before each field and its length. */
const HEAD_BYTES = 4
const TYPE_BYTES = 4
/** What is smaller is copied: a view costs more than the bytes. */
const SMALL_BYTES = 1024
/** Binary times are µs since 2000. */
const EPOCH_MS = Date.UTC(2000, 0, 1)

/**
 * The rows that `packedLeaves` gives for the places from `from` to before `to`, in their order: of a chunk what lies between these.
 * Where rows overlap, which no broker writes, every leaf stands for itself.
 */
export function unpackLeaves(
  packed: Uint8Array,
  { from, to }: { readonly from: number; readonly to: number },
): (AuditLeafRow | AuditLeafRun)[] {
  const found: (AuditLeafRow | AuditLeafRun)[] = []
  let end = from
  let overlap = false
  for (const row of rowsIn(packed)) {
    const within = 'hashes' in row ? partOfRun(row, from, to) : row
    if (within.index < from || within.index >= to) continue
    overlap ||= within.index < end
    end = runEnd(within)
    found.push(within)
  }
  if (!overlap) return found
  return found.flatMap(row => ('hashes' in row ? leavesAlone(row) : [row])).sort((a, b) => a.index - b.index)
}

const leavesAlone = (run: AuditLeafRun): (AuditLeafRow | AuditLeafRun)[] =>
  Array.from({ length: runEnd(run) - run.index }, (_, i) => partOfRun(run, run.index + i, run.index + i + 1))

function* rowsIn(packed: Uint8Array): Generator<AuditLeafRow | AuditLeafRun> {
  // The driver's Buffer would give views where this gives copies, and the page would live as long as they do.
  const rows = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength)
  const types: Word[] = []
  let at = 0
  let [start, size] = [0, 0]
  /** Moves to the next field; whether there is one. */
  const next = (): boolean => {
    size = uint32(rows, at + TYPE_BYTES)
    start = at + TYPE_BYTES + 4
    at = size === ABSENT ? start : start + size
    return size !== ABSENT
  }
  const bytes = () => (size < SMALL_BYTES ? rows.slice(start, at) : rows.subarray(start, at))
  while (at < rows.length) {
    at += HEAD_BYTES
    next()
    const index = int64(rows, start)
    const hash = next() ? bytes() : new Uint8Array()
    const time = next() ? Math.floor(int64(rows, start) / 1000) + EPOCH_MS : null
    const salt = next() ? bytes() : null
    const type = next() ? wordOf(types, rows, start, size) : null
    const fields = next() ? bytes() : null
    next()
    const chunk = rows[start] !== 0
    const said = time !== null && salt !== null && type !== null ? { at: time, salt, type } : null
    if (!chunk) yield { index, hash, body: said && fields && { ...said, fields } }
    else if (said && said.salt.length > 0)
      yield { index, at: said.at, type: said.type, hashes: hash, bodies: said.salt }
    else yield* unsoundLeaves(index, hash, said)
  }
}

/** What is left of a chunk whose lengths do not fit: leaves with nothing in them, which no hash is of. */
function* unsoundLeaves(
  index: number,
  hashes: Uint8Array,
  said: { readonly at: number; readonly type: string } | null,
): Generator<AuditLeafRow> {
  const body = said && { ...said, salt: new Uint8Array(), fields: new Uint8Array() }
  for (let i = 0; i < Math.max(Math.floor(hashes.length / HASH_BYTES), 1); i++)
    yield { index: index + i, hash: hashes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES), body }
}

const uint32 = (bytes: Uint8Array, at: number): number =>
  bytes[at]! * 2 ** 24 + (bytes[at + 1]! << 16) + (bytes[at + 2]! << 8) + bytes[at + 3]!
const int64 = (bytes: Uint8Array, at: number): number =>
  (uint32(bytes, at) | 0) * 2 ** 32 + uint32(bytes, at + 4)

/** A dozen words, a million times: each is decoded once a page. */
interface Word {
  readonly bytes: Uint8Array
  readonly text: string
}

function wordOf(known: Word[], rows: Uint8Array, start: number, size: number): string {
  for (const word of known) if (standsAt(rows, start, size, word.bytes)) return word.text
  const bytes = rows.slice(start, start + size)
  const text = new TextDecoder().decode(bytes)
  known.push({ bytes, text })
  return text
}

function standsAt(rows: Uint8Array, start: number, size: number, bytes: Uint8Array): boolean {
  if (bytes.length !== size) return false
  for (let i = 0; i < size; i++) if (rows[start + i] !== bytes[i]) return false
  return true
}
