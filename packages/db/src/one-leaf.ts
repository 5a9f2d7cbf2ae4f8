/** The leaf `accepted` of one envelope as the bytes that are hashed (SPEC section 8), without its numbers until they are foretold. */
import type { AcceptItem } from './delivery-types.ts'
import type { Forecast } from './leaf-forecast.ts'

const SALT_BYTES = 16
/** RFC 6962's prefix of a leaf, the domain of its signedBytes, the length of the salt that follows. */
const HEAD = Buffer.from('\0claudemesh/v1/leaf\0\0\0\x10', 'latin1')
/** Type as a field. */
const TYPE = Buffer.from('\0\0\0\x08accepted', 'latin1')
const ABSENT = 0xffff_ffff
const INDEX_AT = HEAD.length + SALT_BYTES + 4
const TIME_AT = INDEX_AT + 8 + 4
const TYPE_AT = TIME_AT + 8
const FIELDS_AT = TYPE_AT + TYPE.length + 4
/** Fields of a person’s envelope; a session has a key of its own. */
const FIELDS_PERSON = 108
const KEY_BYTES = 32
const HASH_BYTES = 32
/** How far before the end of the fields seq stands: itself, and the hash of the recipients as a field. */
const SEQ_FROM_END = 8 + 36

export interface OneLeaf {
  readonly bytes: Buffer
  /** Column of `audit_leaf`; of `bytes`. */
  readonly salt: Buffer
  /** Column of `audit_leaf`, its seq 0 before `leafHash`; of `bytes`. */
  readonly fields: Buffer
}

/** The leaf with a fresh salt; index, time and seq are 0. */
export function oneLeaf({ id, from: { member, session }, recipientsHash }: AcceptItem): OneLeaf {
  const fields = FIELDS_PERSON + (session === null ? 0 : KEY_BYTES)
  const bytes = Buffer.alloc(FIELDS_AT + fields)
  bytes.set(HEAD)
  const salt = bytes.subarray(HEAD.length, HEAD.length + SALT_BYTES)
  crypto.getRandomValues(salt)
  bytes.writeUInt32BE(8, INDEX_AT - 4)
  bytes.writeUInt32BE(8, TIME_AT - 4)
  bytes.set(TYPE, TYPE_AT)
  bytes.writeUInt32BE(fields, FIELDS_AT - 4)
  let at = putField(bytes, id, FIELDS_AT)
  at = putField(bytes, member, at)
  at = session === null ? bytes.writeUInt32BE(ABSENT, at) : putField(bytes, session, at)
  at = bytes.writeUInt32BE(8, at)
  putField(bytes, recipientsHash, at + 8)
  return { bytes, salt, fields: bytes.subarray(FIELDS_AT) }
}

/** Puts the numbers in and hashes. */
export function leafHash({ bytes }: OneLeaf, { seq, index, at }: Forecast): Uint8Array {
  putNumber(bytes, index, INDEX_AT)
  putNumber(bytes, at, TIME_AT)
  putNumber(bytes, seq, bytes.length - SEQ_FROM_END)
  const hash = new Uint8Array(HASH_BYTES)
  Bun.SHA256.hash(bytes, hash)
  return hash
}

/** Answers where the next field begins. */
function putField(bytes: Buffer, field: Uint8Array, at: number): number {
  const begin = bytes.writeUInt32BE(field.length, at)
  bytes.set(field, begin)
  return begin + field.length
}

/** A number below 2^53, big-endian. */
function putNumber(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  bytes.writeUInt32BE(value % 2 ** 32, at + 4)
}
