/** Proofs over a tree of which every eighth level is stored: a few bounded reads each, however long the log is. */
import { MeshError } from '@claudemesh/protocol'
import {
  consistencyRanges,
  inclusionRanges,
  nodeHash,
  type Subtree,
  subtreesOf,
  type TreeRange,
} from './tree.ts'

/** Levels between the stored ones; a stored node covers 256 of the stored level below. */
export const TILE_LEVELS = 8
const TILE_NODES = 2 ** TILE_LEVELS

/**
 * Reads what is stored of one tile: the hashes of the complete subtrees `index · 256` to `index · 256 + 255` of a level (0, 8, 16 …),
 * in order; fewer where the log ends before.
 */
export type ReadTile = (level: number, index: number) => Promise<readonly Uint8Array[]>

/** Hashes of PATH(index, D[size]); reads at most two tiles a stored level. */
export const proveInclusion = (read: ReadTile, index: number, size: number): Promise<Uint8Array[]> =>
  hashesOf(read, inclusionRanges(index, size))

/** Hashes of PROOF(old, D[size]); reads at most two tiles a stored level. */
export const proveConsistency = (read: ReadTile, old: number, size: number): Promise<Uint8Array[]> =>
  hashesOf(read, consistencyRanges(old, size))

/** The roots of the complete subtrees of the first `size` leaves, the widest first. */
export async function readFrontier(
  read: ReadTile,
  size: number,
): Promise<(Subtree & { readonly hash: Uint8Array })[]> {
  const tiles = new Map<string, readonly Uint8Array[]>()
  const found = []
  for (const subtree of subtreesOf({ from: 0, to: size }))
    found.push({ ...subtree, hash: await subtreeHash(read, tiles, subtree) })
  return found
}

async function hashesOf(read: ReadTile, ranges: readonly TreeRange[]): Promise<Uint8Array[]> {
  const tiles = new Map<string, readonly Uint8Array[]>()
  const hashes: Uint8Array[] = []
  for (const range of ranges) {
    const parts: Uint8Array[] = []
    for (const subtree of subtreesOf(range)) parts.push(await subtreeHash(read, tiles, subtree))
    hashes.push(parts.reduceRight((right, left) => nodeHash(left, right)))
  }
  return hashes
}

async function subtreeHash(
  read: ReadTile,
  tiles: Map<string, readonly Uint8Array[]>,
  { level, index }: Subtree,
): Promise<Uint8Array> {
  const above = level % TILE_LEVELS
  const base = level - above
  const first = index * 2 ** above
  const tile = Math.floor(first / TILE_NODES)
  const name = `${base}/${tile}`
  const nodes = tiles.get(name) ?? (await read(base, tile))
  tiles.set(name, nodes)
  const offset = first - tile * TILE_NODES
  let row = nodes.slice(offset, offset + 2 ** above)
  if (row.length < 2 ** above) throw new MeshError('internal', 'the stored tree lacks a node of its own log')
  while (row.length > 1) row = pairs(row)
  return row[0]!
}

function pairs(row: readonly Uint8Array[]): Uint8Array[] {
  const next: Uint8Array[] = []
  for (let i = 0; i < row.length; i += 2) next.push(nodeHash(row[i]!, row[i + 1]!))
  return next
}
