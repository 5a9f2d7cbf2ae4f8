/** Signatures at every edge of ed25519: keys and R of small and mixed order, other encodings of them, S that is not reduced. */
import { concatBytes } from '@claudemesh/protocol'
import {
  add,
  BASE,
  challenge,
  encode,
  L,
  littleEndian,
  multiply,
  otherEncodings,
  type Point,
  TORSION,
} from './edwards.ts'

export interface EdgeCase {
  readonly name: string
  readonly key: Uint8Array
  readonly signature: Uint8Array
  readonly message: Uint8Array
}

const message = (n: number) => Uint8Array.of(n, n >> 8)

/** R and S by whoever knows the logarithms `a` and `r` of the parts without torsion. */
function signed(
  name: string,
  a: bigint,
  key: Uint8Array,
  r: bigint,
  rBytes: Uint8Array,
  n: number,
): EdgeCase {
  const s = (r + challenge(rBytes, key, message(n)) * a) % L
  return { name, key, signature: concatBytes(rBytes, littleEndian(s)), message: message(n) }
}

const near = (logarithm: bigint, torsion: Point): Point => add(multiply(BASE, logarithm), torsion)
const spellings = (point: Point): Uint8Array[] => [encode(point), ...otherEncodings(point)]

/** Every torsion of A with every torsion of R, with and without a part of large order, in every spelling; and what S may not be. */
export function edgeCases(messages = 4): EdgeCase[] {
  const cases: EdgeCase[] = []
  for (const [a, r] of [
    [0n, 0n],
    [0n, 11n],
    [7n, 0n],
    [7n, 11n],
  ] as const)
    for (const [i, ofKey] of TORSION.entries())
      for (const [j, ofR] of TORSION.entries())
        for (const key of spellings(near(a, ofKey)))
          for (const rBytes of spellings(near(r, ofR)))
            for (let n = 0; n < messages; n++)
              cases.push(signed(`A ${a}·B + T${i}, R ${r}·B + T${j}, message ${n}`, a, key, r, rBytes, n))
  const plain = signed('plain', 7n, encode(multiply(BASE, 7n)), 11n, encode(multiply(BASE, 11n)), 0)
  const s = plain.signature.subarray(32).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  for (let k = 1n; s + k * L < 2n ** 256n; k++) {
    const signature = concatBytes(plain.signature.subarray(0, 32), littleEndian(s + k * L))
    cases.push({ ...plain, name: `S + ${k}·L`, signature })
  }
  const offCurve = [littleEndian(2n), littleEndian(2n ** 255n - 1n)]
  for (const key of offCurve) cases.push({ ...plain, name: 'a key off the curve', key })
  for (const rBytes of offCurve)
    cases.push({
      ...plain,
      name: 'an R off the curve',
      signature: concatBytes(rBytes, plain.signature.subarray(32)),
    })
  return [plain, ...cases]
}
