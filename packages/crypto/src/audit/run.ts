/** Leaves that lie packed one behind the other, as the broker's database keeps those of a crowd. */
import { sha256 as noble } from '@noble/hashes/sha2.js'
import { writeUint32 } from '../signed-bytes.ts'
import { SALT_AT, type ShownLeaf, storedLeafBytes } from './leaf.ts'
import type { Sha256 } from './tree.ts'

export const HASH_BYTES = 32
const SALT_BYTES = 16
/** The index stands behind the salt and its own length. */
const INDEX_AT = SALT_AT + SALT_BYTES + 4

export interface LeafRun {
  /** Of the first; the others follow without a gap. */
  readonly index: number
  /** ms since 1970, of all of them. */
  readonly at: number
  readonly type: string
  /** 32 bytes a leaf. */
  readonly hashes: Uint8Array
  /** Of each leaf as many bytes as of any other: salt of 16 bytes, fields in `encodeFields` form. */
  readonly bodies: Uint8Array
}

/** How many leaves a run holds; `undefined` where its lengths are no run's. */
export function runLength({ hashes, bodies }: LeafRun): number | undefined {
  const count = hashes.length / HASH_BYTES
  const width = bodies.length / count
  return count > 0 && Number.isInteger(count) && Number.isInteger(width) && width >= SALT_BYTES
    ? count
    : undefined
}

/** Its leaves one by one. Throws RangeError where its lengths are no run's. */
export function* leavesOf(run: LeafRun): Generator<ShownLeaf> {
  const { index, at, type, hashes, bodies } = run
  const { count, width } = shape(run)
  for (let i = 0; i < count; i++) {
    const salt = bodies.subarray(i * width, i * width + SALT_BYTES)
    const fields = bodies.subarray(i * width + SALT_BYTES, (i + 1) * width)
    const hash = hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)
    yield { index: index + i, hash, body: { at, salt, type, fields }, pruned: false }
  }
}

/**
 * What its leaves hash to, each 32 bytes. They differ in salt, index and fields alone, so the bytes of one are written over
 * those of the one before, in one array with all bodies: moving bytes in it makes no view of a part, which costs more.
 * Throws RangeError where its lengths are no run's.
 */
export function* hashesOf(run: LeafRun, sha256: Sha256 = noble): Generator<Uint8Array> {
  const { index, at, type, bodies } = run
  const { count, width } = shape(run)
  const [salt, fields] = [bodies.subarray(0, SALT_BYTES), bodies.subarray(SALT_BYTES, width)]
  const first = storedLeafBytes({ salt, index, at, type, fields })
  const { length } = first
  const fieldsAt = length - fields.length
  const all = new Uint8Array(length + bodies.length)
  all.set(first)
  all.set(bodies, length)
  const leaf = all.subarray(0, length)
  for (let i = 0; i < count; i++) {
    const body = length + i * width
    all.copyWithin(SALT_AT, body, body + SALT_BYTES)
    all.copyWithin(fieldsAt, body + SALT_BYTES, body + width)
    writeIndex(all, index + i)
    yield sha256(leaf)
  }
}

function shape(run: LeafRun): { count: number; width: number } {
  const count = runLength(run)
  if (count === undefined) throw new RangeError('hashes and bodies are not of so many leaves')
  return { count, width: run.bodies.length / count }
}

function writeIndex(out: Uint8Array, index: number): void {
  writeUint32(out, INDEX_AT, Math.floor(index / 2 ** 32))
  writeUint32(out, INDEX_AT + 4, index % 2 ** 32)
}
