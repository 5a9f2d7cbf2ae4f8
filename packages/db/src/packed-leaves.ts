/** A page of leaves as one value, taken apart by hand: a million rows of the driver's own took longer than hashing them. */
import { equalBytes } from '@claudemesh/protocol'

/** `body` is null once retention dropped it. */
export interface AuditLeafRow {
  readonly index: number
  readonly hash: Uint8Array
  readonly body: {
    readonly at: number
    readonly salt: Uint8Array
    readonly type: string
    readonly fields: Uint8Array
  } | null
}

/**
 * Every leaf of a mesh ($1) from index $2 to before $3 as PostgreSQL writes a record in binary; of a pruned one the hash alone.
 * A chunk whose lengths do not fit gives leaves with empty bodies, which no hash is of. `chunks`: the database has them.
 */
export const packedLeaves = (
  chunks: boolean,
): string => `select string_agg(record_send(x), ''::bytea) as rows from (
  select p.index, p.hash, null::timestamptz as at, null::bytea as salt, null::text as type, null::bytea as fields
  from mesh.audit_pruned p where p.mesh_id = $1::int and p.index >= $2::bigint and p.index < $3::bigint
  union all
  select l.index, l.hash, l.at, l.salt, l.type, l.fields
  from mesh.audit_leaf l where l.mesh_id = $1::int and l.index >= $2::bigint and l.index < $3::bigint
  ${chunks ? CHUNKS : ''}
  order by index) x`

/** Leaves that one row of `audit_chunk` holds at most. */
export const CHUNK_LEAVES = 1024
/** Each value is fetched once, not once a leaf; a chunk stands where its first leaf does. */
const CHUNKS = `union all
  select c.index + i, substring(c.hashes from i::int * 32 + 1 for 32), c.at,
    case when c.whole then substring(c.bodies from i::int * c.width + 1 for 16) else '' end, c.type,
    case when c.whole then substring(c.bodies from i::int * c.width + 17 for c.width - 16) else '' end
  from (
    select k.index, k.at, k.type, k.hashes || ''::bytea as hashes, k.bodies || ''::bytea as bodies, n.count,
      octet_length(k.bodies) / n.count as width, octet_length(k.bodies) >= n.count * 16 and octet_length(k.bodies) % n.count = 0
        and octet_length(k.hashes) = n.count * 32 and n.count <= ${CHUNK_LEAVES} as whole
    from mesh.audit_chunk k cross join lateral (select greatest(octet_length(k.hashes) / 32, 1) as count offset 0) n
    where k.mesh_id = $1::int and k.index > $2::bigint - ${CHUNK_LEAVES} and k.index < $3::bigint offset 0) c
  cross join lateral generate_series(greatest($2::bigint - c.index, 0), least(c.count, $3::bigint - c.index) - 1) i`

const ABSENT = 0xffff_ffff
/** The count of fields before a record, and the type before each field and its length. */
const HEAD_BYTES = 4
const TYPE_BYTES = 4
/** Binary times are µs since 2000. */
const EPOCH_MS = Date.UTC(2000, 0, 1)

/** The rows that `packedLeaves` gives. */
export function unpackLeaves(packed: Uint8Array): AuditLeafRow[] {
  // The driver's Buffer would give views where this gives copies, and the page would live as long as they do.
  const rows = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength)
  const leaves: AuditLeafRow[] = []
  const types: Word[] = []
  let at = 0
  const next = (): Uint8Array | null => {
    const size = uint32(rows, at + TYPE_BYTES)
    at += TYPE_BYTES + 4
    if (size === ABSENT) return null
    at += size
    return rows.slice(at - size, at)
  }
  while (at < rows.length) {
    at += HEAD_BYTES
    const [index, hash, time, salt, type, fields] = [next(), next(), next(), next(), next(), next()]
    const body =
      time && salt && type && fields
        ? { at: Math.floor(int64(time) / 1000) + EPOCH_MS, salt, type: wordOf(types, type), fields }
        : null
    leaves.push({ index: int64(index!), hash: hash!, body })
  }
  return leaves
}

const uint32 = (bytes: Uint8Array, at: number): number =>
  bytes[at]! * 2 ** 24 + (bytes[at + 1]! << 16) + (bytes[at + 2]! << 8) + bytes[at + 3]!
const int64 = (bytes: Uint8Array): number => (uint32(bytes, 0) | 0) * 2 ** 32 + uint32(bytes, 4)

/** A dozen words, a million times: each is decoded once a page. */
interface Word {
  readonly bytes: Uint8Array
  readonly text: string
}

function wordOf(known: Word[], bytes: Uint8Array): string {
  for (const word of known) if (equalBytes(word.bytes, bytes)) return word.text
  const text = new TextDecoder().decode(bytes)
  known.push({ bytes, text })
  return text
}
