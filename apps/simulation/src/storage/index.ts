/** A model of the broker's database: the same questions, the same answers, each one atomic; `test/storage.test.ts` holds it to Postgres. */
import { attachmentQueries } from './attachments.ts'
import { auditQueries } from './audit.ts'
import { directoryQueries } from './directory.ts'
import { queueQueries } from './queues.ts'
import { rosterQueries } from './roster.ts'
import type { Synchronous } from './synchronous.ts'
import { bytesKey, type Tables } from './tables.ts'

export type { Queries, Synchronous } from './synchronous.ts'
export { Tables } from './tables.ts'

/** The queries of a broker on `tables`. */
export const storageModel = (tables: Tables): Synchronous => ({
  ...auditQueries(tables),
  ...rosterQueries(tables),
  ...attachmentQueries(tables),
  ...queueQueries(tables),
  ...directoryQueries(tables),
  answers: () => {},
  keepFunctions: () => {},
  // Rows that are gone leave nothing behind here.
  reclaimQueue: () => false,
  clusterId: () => '00000000-0000-4000-8000-000000000000',
  meshHeads: ({ meshes }) =>
    meshes.flatMap(id => {
      const found = tables.meshes.get(bytesKey(id))
      if (!found) return []
      const { mesh, seq, rosterSeq, checkpoints } = found
      return [{ mesh, seq, rosterSeq, checkpointSize: checkpoints.at(-1)?.size ?? 0 }]
    }),
})
