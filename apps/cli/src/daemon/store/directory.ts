/** What was last said and proven of each session of others. */
import type { DirectoryStore } from '@claudemesh/client'
import { and, eq } from 'drizzle-orm'
import { rowColumns } from './columns.ts'
import type { MeshScope } from './mesh-scope.ts'
import { directory } from './schema.ts'

export function directoryStore({ orm, mesh }: MeshScope): DirectoryStore {
  const ours = eq(directory.mesh, mesh)
  return {
    all: () => orm.select(rowColumns(directory)).from(directory).where(ours).all(),
    put: row => {
      const target = [directory.mesh, directory.key]
      orm
        .insert(directory)
        .values({ mesh, ...row })
        .onConflictDoUpdate({ target, set: row })
        .run()
    },
    remove: key =>
      void orm
        .delete(directory)
        .where(and(ours, eq(directory.key, key)))
        .run(),
  }
}
