/** Bytes a little or much unlike others: flipped, cut, repeated, spliced, with lengths that lie. */
import { type Dice, oneOf } from './dice.ts'

type Change = (bytes: Buffer, roll: Dice, other: Uint8Array) => Uint8Array

/** Numbers at which arithmetic on sizes goes wrong. */
const EDGES = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
]
const MOST_REPEATS = 16

const CHANGES: readonly Change[] = [
  (bytes, roll) => {
    if (bytes.length > 0) bytes[roll(bytes.length)]! ^= 1 << roll(8)
    return bytes
  },
  (bytes, roll) => {
    if (bytes.length > 0) bytes[roll(bytes.length)] = roll(256)
    return bytes
  },
  (bytes, roll) => {
    const edge = oneOf(roll, EDGES)
    if (bytes.length >= 4) bytes.writeUInt32BE(edge, roll(bytes.length - 3))
    return bytes
  },
  (bytes, roll) => {
    if (bytes.length >= 2) bytes.writeUInt16BE(oneOf(roll, EDGES) & 0xffff, roll(bytes.length - 1))
    return bytes
  },
  (bytes, roll) => bytes.subarray(0, roll(bytes.length + 1)),
  (bytes, roll) => {
    const at = roll(bytes.length + 1)
    const end = at + roll(bytes.length - at + 1)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)])
  },
  (bytes, roll) => {
    const at = roll(bytes.length + 1)
    const part = bytes.subarray(at, at + 1 + roll(32))
    return Buffer.concat([
      bytes.subarray(0, at),
      ...Array.from({ length: roll(MOST_REPEATS) }, () => part),
      bytes.subarray(at),
    ])
  },
  (bytes, roll) => {
    const at = roll(bytes.length + 1)
    const noise = Buffer.from(Array.from({ length: 1 + roll(16) }, () => roll(256)))
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)])
  },
  (bytes, roll, other) =>
    Buffer.concat([bytes.subarray(0, roll(bytes.length + 1)), other.subarray(roll(other.length + 1))]),
]

/** A copy of `bytes` with one to four changes; `other` is what may be spliced in. At most `mostBytes` long. */
export function mutateBytes(bytes: Uint8Array, roll: Dice, other: Uint8Array, mostBytes: number): Uint8Array {
  let changed = Buffer.from(bytes)
  for (let n = 1 + roll(4); n > 0; n--) changed = Buffer.from(oneOf(roll, CHANGES)(changed, roll, other))
  return changed.subarray(0, mostBytes)
}
