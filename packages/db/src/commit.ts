/** The hot lane: one call of one database function commits a whole batch of accepts and acks, or none of it. */
import { MeshError } from '@claudemesh/protocol'
import type { Database } from './database.ts'
import type { AcceptItem, AcceptOutcome, AckItem, AckOutcome } from './delivery-types.ts'

export interface Batch {
  readonly accepts: readonly AcceptItem[]
  readonly acks: readonly AckItem[]
}
export interface BatchOutcome {
  readonly accepts: AcceptOutcome[]
  readonly acks: AckOutcome[]
}

export async function commit(_db: Database, _batch: Batch): Promise<BatchOutcome> {
  throw new MeshError('unsupported', 'being built')
}
