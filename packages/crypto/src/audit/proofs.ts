/** Inclusion and consistency proofs: verified as RFC 9162 sections 2.1.3.2 and 2.1.4.2 say. Nothing here throws on a wrong proof. */
import { equalBytes } from '@claudemesh/protocol'
import { nodeHash } from './tree.ts'

const isOdd = (n: number): boolean => n % 2 === 1
const half = (n: number): number => Math.floor(n / 2)

/** True when the leaf hash stands at `index` of the tree with `size` leaves and this root. `path` is PATH(index, D[size]), 32 bytes each. */
export function verifyInclusion(p: {
  readonly index: number
  readonly size: number
  readonly leaf: Uint8Array
  readonly path: readonly Uint8Array[]
  readonly root: Uint8Array
}): boolean {
  if (p.index < 0 || p.index >= p.size) return false
  let [at, last, hash] = [p.index, p.size - 1, p.leaf]
  for (const step of p.path) {
    if (last === 0) return false
    if (isOdd(at) || at === last) {
      hash = nodeHash(step, hash)
      while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)]
    } else hash = nodeHash(hash, step)
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && equalBytes(hash, p.root)
}

/** True when the tree of `size` leaves begins with the tree of `old` leaves. `path` is PROOF(old, D[size]), 32 bytes each. */
export function verifyConsistency(p: {
  readonly old: number
  readonly size: number
  readonly oldRoot: Uint8Array
  readonly root: Uint8Array
  readonly path: readonly Uint8Array[]
}): boolean {
  const { old, size, oldRoot, root, path } = p
  if (old < 1 || old > size) return false
  if (old === size) return path.length === 0 && equalBytes(oldRoot, root)
  // A complete subtree of the old tree's width begins the new tree: the proof leaves it out.
  let [at, last] = [old - 1, size - 1]
  while (isOdd(at)) [at, last] = [half(at), half(last)]
  const steps = at === 0 ? [oldRoot, ...path] : path
  const [first, ...rest] = steps
  if (!first) return false
  let [older, newer] = [first, first]
  for (const step of rest) {
    if (last === 0) return false
    if (isOdd(at) || at === last) {
      older = nodeHash(step, older)
      newer = nodeHash(step, newer)
      while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)]
    } else newer = nodeHash(newer, step)
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 && equalBytes(older, oldRoot) && equalBytes(newer, root)
}
