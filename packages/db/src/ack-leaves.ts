/** The leaves `delivered` of acks (SPEC section 8), hashed before the database gives their numbers. */
import type { LeafChunk } from './hash-leaves.ts'
import type { KnownAck } from './known-recipients.ts'
import type { Forecast } from './leaf-forecast.ts'

const HASH_BYTES = 32
const SALT_BYTES = 16
const KEY_BYTES = 32
const ABSENT = 0xffff_ffff
/** RFC 6962's prefix of a leaf, the domain of its signedBytes, the length of the salt that follows. */
const HEAD = Buffer.from('\0claudemesh/v1/leaf\0\0\0\x10', 'latin1')
/** Type as a field. */
const TYPE = Buffer.from('\0\0\0\x09delivered', 'latin1')
const INDEX_AT = HEAD.length + SALT_BYTES + 4
const TIME_AT = INDEX_AT + 8 + 4
const TYPE_AT = TIME_AT + 8
const FIELDS_AT = TYPE_AT + TYPE.length + 4
/** Member, no session, first seq, last seq; a session has a key of its own. */
const FIELDS_PERSON = 64

/** Leaves from the forecast's index on, all of its time, each with a fresh salt; hashes and bodies one behind the other. */
export function ackLeaves(acks: readonly KnownAck[], { index, at }: Forecast): LeafChunk {
  const salts = crypto.getRandomValues(Buffer.allocUnsafe(acks.length * SALT_BYTES))
  const hashes = Buffer.allocUnsafe(acks.length * HASH_BYTES)
  const hash = Buffer.allocUnsafe(HASH_BYTES)
  const bodies: Buffer[] = []
  for (const [i, ack] of acks.entries()) {
    const salt = salts.subarray(i * SALT_BYTES, (i + 1) * SALT_BYTES)
    const leaf = ackLeaf(ack, salt, index + i, at)
    Bun.SHA256.hash(leaf, hash)
    hash.copy(hashes, i * HASH_BYTES)
    bodies.push(salt, leaf.subarray(FIELDS_AT))
  }
  return { hashes, bodies: Buffer.concat(bodies) }
}

/** The bytes that are hashed. */
function ackLeaf(
  { ack: { recipient, upTo }, lo }: KnownAck,
  salt: Buffer,
  index: number,
  at: number,
): Buffer {
  const { member, session } = recipient
  const fields = FIELDS_PERSON + (session === null ? 0 : KEY_BYTES)
  const bytes = Buffer.allocUnsafe(FIELDS_AT + fields)
  bytes.set(HEAD)
  bytes.set(salt, HEAD.length)
  putNumber(bytes, index, INDEX_AT - 4)
  putNumber(bytes, at, TIME_AT - 4)
  bytes.set(TYPE, TYPE_AT)
  let end = bytes.writeUInt32BE(fields, FIELDS_AT - 4)
  end = putKey(bytes, member, end)
  end = session === null ? bytes.writeUInt32BE(ABSENT, end) : putKey(bytes, session, end)
  putNumber(bytes, upTo, putNumber(bytes, lo + 1, end))
  return bytes
}

/** Each puts a field with its length and answers where the next one begins. */
function putKey(bytes: Buffer, key: Uint8Array, at: number): number {
  if (key.length !== KEY_BYTES) throw new RangeError(`${KEY_BYTES} bytes expected`)
  const begin = bytes.writeUInt32BE(KEY_BYTES, at)
  bytes.set(key, begin)
  return begin + KEY_BYTES
}

/** A number below 2^53, big-endian. */
function putNumber(bytes: Buffer, value: number, at: number): number {
  const begin = bytes.writeUInt32BE(8, at)
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), begin)
  return bytes.writeUInt32BE(value % 2 ** 32, begin + 4)
}
