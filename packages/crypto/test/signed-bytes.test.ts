import { MeshError } from '@claudemesh/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DOMAINS, encodeFields, type Field, generateSigner, sign, signedBytes, verify } from '../src/index.ts'
import { hexJson } from './hex.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const utf8 = new TextEncoder()

test('bytes are domain, then length and content of each field, as drawn in the specification', () => {
  const fields: Field[] = [
    Uint8Array.of(0xab),
    'é',
    258,
    null,
    [
      ['a', 1n],
      ['b', null],
    ],
    [],
  ]
  expect(hex(signedBytes('room', fields))).toBe(
    [
      hex(utf8.encode('claudemesh/v1/room')),
      '00000001ab',
      '00000002c3a9',
      '000000080000000000000102',
      'ffffffff',
      '0000001e',
      '00000002',
      '0000000161000000080000000000000001',
      '0000000162ffffffff',
      '0000000400000000',
    ].join(''),
  )
})

test('no domain is a prefix of another', () => {
  for (const a of DOMAINS) for (const b of DOMAINS) expect(a !== b && b.startsWith(a)).toBe(false)
})

const scalar = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.string({ maxLength: 6 }),
  fc.nat(),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constant(null),
)
const list = fc
  .nat({ max: 3 })
  .chain(width =>
    fc.array(fc.array(scalar, { minLength: width + 1, maxLength: width + 1 }), { maxLength: 3 }),
  )
const fieldsOf = fc.array(fc.oneof(scalar, scalar, list), { maxLength: 5 })

/** The bytes a field means, its type forgotten: text is its UTF-8, integers are 8 bytes. */
function meaning(field: Field): unknown {
  if (field === null || field instanceof Uint8Array) return field
  if (typeof field === 'string') return utf8.encode(field)
  if (Array.isArray(field)) return field.map(element => element.map(meaning))
  const eight = new Uint8Array(8)
  new DataView(eight.buffer).setBigUint64(0, BigInt(field))
  return eight
}

/** An independent reader of the encoding, told only which fields are lists. */
function read(bytes: Uint8Array, shape: readonly Field[]): unknown[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  const next = (like: Field): unknown => {
    const length = view.getUint32(at)
    at += 4
    if (length === 0xffff_ffff) return null
    if (!Array.isArray(like)) {
      at += length
      return bytes.slice(at - length, at)
    }
    at += 4
    return like.map(element => element.map(next))
  }
  const out = shape.map(next)
  expect(at).toBe(bytes.length)
  return out
}

test('fields can be read back from their bytes, so different fields never share bytes', () => {
  fc.assert(
    fc.property(fieldsOf, fields => {
      expect(hexJson(read(encodeFields(fields), fields))).toBe(hexJson(fields.map(meaning)))
    }),
    { numRuns: 500 },
  )
})

test('two lists of plain fields share bytes only when they mean the same, in the same domain', () => {
  const plain = fc.array(scalar, { maxLength: 3 })
  const domain = fc.constantFrom(...DOMAINS)
  fc.assert(
    fc.property(plain, plain, domain, domain, (a, b, d, e) => {
      const alike = d === e && hexJson(a.map(meaning)) === hexJson(b.map(meaning))
      expect(hex(signedBytes(d, a)) === hex(signedBytes(e, b))).toBe(alike)
      expect(hex(signedBytes(d, a)) === hex(signedBytes(e, a))).toBe(d === e)
    }),
    { numRuns: 500 },
  )
})

test('moving a byte from one field to its neighbour changes the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(20), fc.nat(20), (bytes, i, j) => {
      const [a, b] = [i, j].map(n => n % (bytes.length + 1)) as [number, number]
      const split = (n: number) => hex(encodeFields([bytes.slice(0, n), bytes.slice(n)]))
      expect(split(a) === split(b)).toBe(a === b)
    }),
  )
})

test('what has no one encoding is refused, and was never signed', () => {
  const { publicKey, secretKey } = generateSigner()
  const bad: Field[] = [-1, 1.5, Number.NaN, 2 ** 53, -1n, 2n ** 64n, '\ud800', [['a'], ['b', 'c']], [[]]]
  for (const field of bad) {
    expect(() => sign('room', [field], secretKey)).toThrow(MeshError)
    expect(verify('room', [field], new Uint8Array(64), publicKey)).toBe(false)
  }
  for (const size of [0, 63, 65]) expect(verify('room', ['a'], new Uint8Array(size), publicKey)).toBe(false)
  expect(verify('room', ['a'], sign('room', ['a'], secretKey), new Uint8Array(31))).toBe(false)
  expect(verify('room', ['a'], sign('room', ['a'], secretKey), publicKey)).toBe(true)
})
