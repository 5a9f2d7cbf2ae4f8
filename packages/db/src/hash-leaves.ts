/** The leaves of a batch, hashed before the database gives their numbers: SHA-256 costs 0.2 µs here and seven times that in SQL. */

import type { Forecast } from './leaf-forecast.ts'

const HASH_BYTES = 32
const SALT_BYTES = 16
/** In an item of the pack: where the head of the leaf's hashed bytes begins, its salt, its fields. */
const HEAD_AT = 32
const SALT_AT = 55
const FIELDS_AT = 75
/** Head with salt, and the length of the index that follows. */
const HEAD_BYTES = 43
/** Fields before seq beside the sender's keys, and behind it. */
const FIELDS_BEGIN = 32
const FIELDS_END = 36
/** The type as a field. */
const TYPE = Buffer.from('\0\0\0\x08accepted', 'latin1')

/** Columns of `audit_chunk`. */
export interface LeafChunk {
  readonly hashes: Uint8Array
  readonly bodies: Uint8Array
}

/**
 * What the leaves `accepted` of items in a pack will be if the forecast comes true, byte for byte what `commit_batch` would make of them
 * (SPEC section 8). `offsets`: where each begins, from 1. `senderBytes`: of every sender's key, 32 or 64.
 */
export function hashLeaves(
  pack: Buffer,
  offsets: readonly number[],
  senderBytes: 32 | 64,
  { seq, index, at }: Forecast,
): LeafChunk {
  const count = offsets.length
  const before = senderBytes + FIELDS_BEGIN
  const fields = before + 8 + FIELDS_END
  const leaf = Buffer.allocUnsafe(HEAD_BYTES + 8 + 12 + TYPE.length + 4 + fields)
  const fieldsAt = leaf.length - fields
  leaf.writeUInt32BE(8, HEAD_BYTES + 8)
  uint64(leaf, at, HEAD_BYTES + 12)
  leaf.set(TYPE, HEAD_BYTES + 20)
  leaf.writeUInt32BE(fields, fieldsAt - 4)
  const hash = Buffer.allocUnsafe(HASH_BYTES)
  const hashes = Buffer.allocUnsafe(count * HASH_BYTES)
  const width = SALT_BYTES + fields
  const bodies = Buffer.allocUnsafe(count * width)
  for (let i = 0; i < count; i++) {
    const item = offsets[i]! - 1
    pack.copy(leaf, 0, item + HEAD_AT, item + HEAD_AT + HEAD_BYTES)
    uint64(leaf, index + i, HEAD_BYTES)
    pack.copy(leaf, fieldsAt, item + FIELDS_AT, item + FIELDS_AT + before)
    uint64(leaf, seq + i, fieldsAt + before)
    const rest = item + FIELDS_AT + before
    pack.copy(leaf, fieldsAt + before + 8, rest, rest + FIELDS_END)
    Bun.SHA256.hash(leaf, hash)
    hash.copy(hashes, i * HASH_BYTES)
    pack.copy(bodies, i * width, item + SALT_AT, item + SALT_AT + SALT_BYTES)
    leaf.copy(bodies, i * width + SALT_BYTES, fieldsAt)
  }
  return { hashes, bodies }
}

/** A number below 2^53, big-endian. */
function uint64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value % 2 ** 32, at + 4)
}
