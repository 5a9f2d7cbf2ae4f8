/** Brings an empty or older database to this version's schema, once, whoever else starts at the same time. */
import { MeshError } from '@claudemesh/protocol'
import type { Database } from './database.ts'

/** Runs under an advisory lock. Throws MeshError `conflict` when the database is newer than this program. */
export async function migrate(_db: Database): Promise<{ from: number; to: number }> {
  throw new MeshError('unsupported', 'being built')
}
