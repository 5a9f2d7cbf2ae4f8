/** One injective encoding of fields into bytes: everything that is signed or hashed in this protocol goes through it. */
import { MeshError } from '@claudemesh/protocol'
import { blake2b256 } from './blake2b.ts'

/** What a signature or hash is for; a signature of one domain never passes in another. */
export const DOMAINS = [
  'roster',
  'join',
  'rekey',
  'certificate',
  'alias',
  'bundle',
  'hello',
  'attach',
  'presence',
  'profile',
  'envelope',
  'slot',
  'opener',
  'pair',
  'commit',
  'receipt',
  'fact',
  'leaf',
  'safety',
  'room',
] as const
export type Domain = (typeof DOMAINS)[number]

/** Bytes, text (UTF-8), an unsigned integer (8 bytes), `null` = absent, or a list of elements with equally many fields each. */
export type Field = Uint8Array | string | number | bigint | null | Field[][]

const ABSENT = 0xffff_ffff
const utf8 = new TextEncoder()
const prefixes = new Map<Domain, Uint8Array>(DOMAINS.map(d => [d, utf8.encode(`claudemesh/v1/${d}`)]))
const refuse = (why: string) => new MeshError('bad-field', `cannot be signed: ${why}`)

/** Bytes of text. Lone surrogates are refused: UTF-8 would make two texts one. */
function textBytes(text: string): Uint8Array {
  if (!text.isWellFormed()) throw refuse('text with a lone surrogate')
  return utf8.encode(text)
}

function contentSize(field: Exclude<Field, null>): number {
  if (field instanceof Uint8Array) return field.length
  if (typeof field === 'string') return textBytes(field).length
  if (Array.isArray(field)) return 4 + field.reduce((sum, element) => sum + fieldsSize(element), 0)
  return 8
}

function fieldsSize(fields: readonly Field[]): number {
  let size = 0
  for (const field of fields) size += 4 + (field === null ? 0 : contentSize(field))
  return size
}

/** Big-endian. Byte by byte: a view would first have to make an `ArrayBuffer` of each small array, which costs more than all else here. */
export function writeUint32(out: Uint8Array, at: number, n: number): void {
  out[at] = n >>> 24
  out[at + 1] = n >>> 16
  out[at + 2] = n >>> 8
  out[at + 3] = n
}

function writeFields(out: Uint8Array, start: number, fields: readonly Field[]): number {
  let at = start
  for (const field of fields) {
    const from = at + 4
    at = field === null ? from : writeContent(out, from, field)
    writeUint32(out, from - 4, field === null ? ABSENT : at - from)
  }
  return at
}

function writeContent(out: Uint8Array, at: number, field: Exclude<Field, null>): number {
  if (field instanceof Uint8Array || typeof field === 'string') {
    const bytes = typeof field === 'string' ? textBytes(field) : field
    out.set(bytes, at)
    return at + bytes.length
  }
  if (Array.isArray(field)) {
    if (field.some(element => element.length !== field[0]!.length))
      throw refuse('a list with elements of unequal width')
    if (field[0]?.length === 0) throw refuse('a list of empty elements')
    writeUint32(out, at, field.length)
    return field.reduce((next, element) => writeFields(out, next, element), at + 4)
  }
  if (typeof field === 'bigint') {
    if (field < 0n || field >= 1n << 64n) throw outside()
    writeUint32(out, at, Number(field >> 32n))
    writeUint32(out, at + 4, Number(field & 0xffff_ffffn))
  } else {
    if (!Number.isSafeInteger(field)) throw refuse('a number that is no safe integer')
    if (field < 0) throw outside()
    writeUint32(out, at, Math.floor(field / 2 ** 32))
    writeUint32(out, at + 4, field % 2 ** 32)
  }
  return at + 8
}

const outside = () => refuse('an integer outside 0 to 2^64 - 1')

/** `encodeFields(fields)` behind bytes that the caller has. */
export function encodeBehind(prefix: Uint8Array, fields: readonly Field[]): Uint8Array {
  const out = new Uint8Array(prefix.length + fieldsSize(fields))
  out.set(prefix)
  writeFields(out, prefix.length, fields)
  return out
}

/**
 * The fields without a domain: for each a 4-byte big-endian length and its bytes; integers are 8 bytes big-endian;
 * absent is the length 0xFFFFFFFF without bytes; a list is one field whose bytes are a 4-byte count and each
 * element's fields encoded alike.
 * @throws MeshError `bad-field` for what has no one encoding: negative or unsafe integers, lone surrogates, ragged lists.
 */
export const encodeFields = (fields: readonly Field[]): Uint8Array => encodeBehind(new Uint8Array(), fields)

/**
 * The bytes that get signed (protocol section 2): `claudemesh/v1/<domain>` in UTF-8, then `encodeFields(fields)`.
 * @throws MeshError `bad-field` as `encodeFields` does.
 */
export const signedBytes = (domain: Domain, fields: readonly Field[]): Uint8Array =>
  encodeBehind(prefixes.get(domain)!, fields)

/** BLAKE2b-256 over `signedBytes(domain, fields)`: 32 bytes (libsodium `crypto_generichash`, no key). */
export const hash = (domain: Domain, fields: readonly Field[]): Uint8Array =>
  blake2b256(signedBytes(domain, fields))
