/** Edwards25519 with plain integers, for points and signatures that no honest signer makes. Slow, and for tests alone. */
import { concatBytes } from '@claudemesh/protocol'
import { sha512 } from '@noble/hashes/sha2.js'

const P = 2n ** 255n - 19n
export const L = 2n ** 252n + 27742317777372353535851937790883648493n
export interface Point {
  readonly x: bigint
  readonly y: bigint
}

const mod = (n: bigint, m = P): bigint => ((n % m) + m) % m
function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b)
  return result
}
const invert = (n: bigint): bigint => power(n, P - 2n)
const D = mod(-121665n * invert(121666n))
const ROOT = power(2n, (P - 1n) / 4n)

export function add(a: Point, b: Point): Point {
  const cross = mod(D * a.x * b.x * a.y * b.y)
  return {
    x: mod((a.x * b.y + a.y * b.x) * invert(1n + cross)),
    y: mod((a.y * b.y + a.x * b.x) * invert(1n - cross)),
  }
}
export function multiply(point: Point, n: bigint): Point {
  let result: Point = { x: 0n, y: 1n }
  for (let p = point, e = n; e > 0n; e >>= 1n, p = add(p, p)) if (e & 1n) result = add(result, p)
  return result
}

export function littleEndian(n: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn))
}
const fromLittleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((n, byte) => (n << 8n) | BigInt(byte), 0n)
/** In its one encoding. */
export const encode = ({ x, y }: Point): Uint8Array => littleEndian(y | ((x & 1n) << 255n))

/** The point with this y and an even x (RFC 8032 section 5.1.3). */
function withY(y: bigint): Point {
  const square = mod((y * y - 1n) * invert(D * y * y + 1n))
  let x = power(square, (P + 3n) / 8n)
  if (mod(x * x) !== square) x = mod(x * ROOT)
  if (mod(x * x) !== square) throw new Error('not on the curve')
  return { x: x & 1n ? P - x : x, y }
}
export const BASE = withY(mod(4n * invert(5n)))
/** The points whose order divides 8, by their multiple of one of order 8. */
const eighth = multiply(withY(firstOnCurve()), L)
export const TORSION = Array.from({ length: 8 }, (_, i) => multiply(eighth, BigInt(i)))

/** The smallest y whose point, times L, is of order 8. */
function firstOnCurve(): bigint {
  for (let y = 2n; ; y++)
    try {
      const four = multiply(multiply(withY(y), L), 4n)
      if (four.y !== 1n) return y
    } catch {
      // Not every y is on the curve.
    }
}

/** h of a signature: SHA-512(R ‖ A ‖ message) mod L. */
export const challenge = (r: Uint8Array, key: Uint8Array, message: Uint8Array): bigint =>
  mod(fromLittleEndian(sha512(concatBytes(r, key, message))), L)

/** Encodings of a point that are not its one encoding: y + p where that fits, and the sign of an x that is 0. */
export function otherEncodings({ x, y }: Point): Uint8Array[] {
  const ys = y + P < 2n ** 255n ? [y, y + P] : [y]
  const signs = x === 0n ? [0n, 1n] : [x & 1n]
  const all = ys.flatMap(each => signs.map(sign => littleEndian(each | (sign << 255n))))
  return all.filter(bytes => !bytes.every((byte, i) => byte === encode({ x, y })[i]))
}
