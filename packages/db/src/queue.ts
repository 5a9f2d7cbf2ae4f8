/** Reading a recipient's queue: what is not acked, in the order of seq. */
import { MeshError, type Recipient } from '@claudemesh/protocol'
import type { Database } from './database.ts'
import type { QueueRow } from './delivery-types.ts'

/** At most `maxRows` rows and, past the first, `maxBytes` bytes with seq > max(after, acked), ascending. */
export async function readQueue(
  _db: Database,
  _p: { mesh: Uint8Array; recipient: Recipient; after: number; maxRows: number; maxBytes: number },
): Promise<QueueRow[]> {
  throw new MeshError('unsupported', 'being built')
}

/** Facts whose 30 days are over go; returns how many. */
export async function dropOldFacts(_db: Database, _p: { now: number }): Promise<number> {
  throw new MeshError('unsupported', 'being built')
}

/** Deliveries and facts that wait, over all meshes; one small read. */
export async function queueDepth(_db: Database): Promise<number> {
  throw new MeshError('unsupported', 'being built')
}
