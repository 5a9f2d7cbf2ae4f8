/** The stored tree as proofs read it: leaf hashes and every eighth level, 256 nodes at a time. */
import type { ReadTile } from '@claudemesh/crypto'
import type { BrokerStore } from '@claudemesh/db'

const NODES = 256

/** Reads tiles of one mesh's tree. */
export const tileReader =
  (db: BrokerStore, mesh: Uint8Array): ReadTile =>
  (level, index) => {
    const [from, to] = [index * NODES, (index + 1) * NODES]
    return level === 0 ? db.leafHashes({ mesh, from, to }) : db.subtreeHashes({ mesh, level, from, to })
  }

/** Half the cost of `Bun.CryptoHasher.hash` on the 65 bytes of a node (0.19 µs against 0.33). */
export const nativeSha256 = (bytes: Uint8Array): Uint8Array => Bun.SHA256.hash(bytes) as Uint8Array
