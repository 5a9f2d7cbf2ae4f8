/** The hash tree of RFC 6962: roots in constant memory, and which subtrees a proof is made of. Leaves come in as their hashes. */
import { concatBytes } from '@claudemesh/protocol'
import { sha256 as noble } from '@noble/hashes/sha2.js'

/** SHA-256 of some bytes; a host that has a native one may pass it where many hashes are made. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

/** The bytes of one node, written over for each: a million nodes are hashed in a row. */
const node = new Uint8Array(65)
node[0] = 1

/** SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1. */
export function nodeHash(left: Uint8Array, right: Uint8Array, sha256: Sha256 = noble): Uint8Array {
  if (left.length !== 32 || right.length !== 32) return sha256(concatBytes(node.subarray(0, 1), left, right))
  node.set(left, 1)
  node.set(right, 33)
  return sha256(node)
}

/** Grows leaf by leaf and knows its root at every size; holds one hash a level (at most 53), whatever its size. */
export class TreeFrontier {
  /** Roots of the complete subtrees, the widest first; widths are the bits of `size`. */
  readonly #roots: { level: number; hash: Uint8Array }[] = []
  readonly #sha256: Sha256
  #size = 0

  constructor(sha256: Sha256 = noble) {
    this.#sha256 = sha256
  }

  /** Leaves so far. */
  get size(): number {
    return this.#size
  }

  /** Appends one leaf hash (32 bytes). `complete` is told of each subtree that it completes, lowest first: 2^level leaves from index · 2^level on. */
  push(hash: Uint8Array, complete?: (level: number, index: number, hash: Uint8Array) => void): void {
    this.pushSubtree(0, hash, complete)
  }

  /** The same for a complete subtree of 2^level leaves; `size` must be a multiple of its width. */
  pushSubtree(
    level: number,
    hash: Uint8Array,
    complete?: (level: number, index: number, hash: Uint8Array) => void,
  ): void {
    let grown = { level, hash }
    this.#size += 2 ** level
    for (let last = this.#roots.at(-1); last?.level === grown.level; last = this.#roots.at(-1)) {
      this.#roots.pop()
      grown = { level: grown.level + 1, hash: nodeHash(last.hash, grown.hash, this.#sha256) }
      complete?.(grown.level, this.#size / 2 ** grown.level - 1, grown.hash)
    }
    this.#roots.push(grown)
  }

  /** MTH of all leaves; of none it is SHA-256 of nothing. */
  root(): Uint8Array {
    const last = this.#roots.at(-1)
    if (!last) return this.#sha256(new Uint8Array())
    return this.#roots
      .slice(0, -1)
      .reduceRight((right, { hash }) => nodeHash(hash, right, this.#sha256), last.hash)
  }
}

/** Leaves from `from` to before `to`; its hash is MTH(D[from:to]) of RFC 6962. */
export interface TreeRange {
  readonly from: number
  readonly to: number
}

/** Complete subtree of the tree: 2^level leaves from index · 2^level on. */
export interface Subtree {
  readonly level: number
  readonly index: number
}

/** The complete subtrees that a range is made of, left to right: at most one for each level. `from` is a multiple of every width in it. */
export function subtreesOf({ from, to }: TreeRange): Subtree[] {
  const found: Subtree[] = []
  for (let at = from; at < to; ) {
    const level = floorLevel(to - at)
    found.push({ level, index: at / 2 ** level })
    at += 2 ** level
  }
  return found
}

/** The level of the largest power of two that is at most `n` ≥ 1; exact up to 2^53, where Math.log2 is not. */
function floorLevel(n: number): number {
  const level = Math.floor(Math.log2(n))
  return 2 ** level > n ? level - 1 : 2 ** (level + 1) <= n ? level + 1 : level
}

/** The largest power of two below `n` ≥ 2. */
const split = (n: number): number => 2 ** floorLevel(n - 1)

/** PATH(index, D[size]) of RFC 6962 section 2.1.1 as ranges, in the order of the proof. */
export function inclusionRanges(index: number, size: number): TreeRange[] {
  const ranges: TreeRange[] = []
  for (let [from, to] = [0, size]; to - from > 1; ) {
    const middle = from + split(to - from)
    if (index < middle) {
      ranges.push({ from: middle, to })
      to = middle
    } else {
      ranges.push({ from, to: middle })
      from = middle
    }
  }
  return ranges.reverse()
}

/** PROOF(old, D[size]) of RFC 6962 section 2.1.2 as ranges, in the order of the proof; none for old = 0 and old = size. */
export function consistencyRanges(old: number, size: number): TreeRange[] {
  if (old === 0 || old === size) return []
  const ranges: TreeRange[] = []
  let [from, to] = [0, size]
  let whole = true
  while (old !== to) {
    const middle = from + split(to - from)
    if (old <= middle) {
      ranges.push({ from: middle, to })
      to = middle
    } else {
      ranges.push({ from, to: middle })
      from = middle
      whole = false
    }
  }
  if (!whole) ranges.push({ from, to })
  return ranges.reverse()
}
