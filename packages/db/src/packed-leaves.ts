/** A page of leaves as one value, taken apart by hand: a million rows of the driver's own took longer than hashing them. */
import { equalBytes } from '@claudemesh/protocol'
import type { AuditLeafRow } from './audit.ts'

/** Of each row its index in 8 bytes, then hash, time, salt, type and fields, each behind its length. */
export const PACKED_LEAVES = `select string_agg(int8send(l.index) || mesh_fn.field(l.hash) || mesh_fn.field(int8send(l.at))
    || mesh_fn.field(l.salt) || mesh_fn.field(convert_to(l.type, 'UTF8')) || mesh_fn.field(l.fields), ''::bytea) as rows
  from mesh_fn.read_leaves($1::int, $2::bigint, $3::bigint) l`
const ABSENT = 0xffff_ffff

/** The rows that `PACKED_LEAVES` gives. */
export function unpackLeaves(packed: Uint8Array): AuditLeafRow[] {
  // The driver's Buffer would give views where this gives copies, and the page would live as long as they do.
  const rows = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength)
  const leaves: AuditLeafRow[] = []
  const types: Word[] = []
  let at = 0
  const next = (): Uint8Array | null => {
    const size = uint32(rows, at)
    at += 4
    if (size === ABSENT) return null
    at += size
    return rows.slice(at - size, at)
  }
  while (at < rows.length) {
    const index = int64(rows, at)
    at += 8
    const hash = next() ?? new Uint8Array()
    const time = next()
    const [salt, type, fields] = [next(), next(), next()]
    const body =
      time && salt && type && fields ? { at: int64(time, 0), salt, type: wordOf(types, type), fields } : null
    leaves.push({ index, hash, body })
  }
  return leaves
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

function wordOf(known: Word[], bytes: Uint8Array): string {
  for (const word of known) if (equalBytes(word.bytes, bytes)) return word.text
  const text = new TextDecoder().decode(bytes)
  known.push({ bytes, text })
  return text
}
