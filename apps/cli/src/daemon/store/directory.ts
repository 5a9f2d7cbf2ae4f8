/** What was last said and proven of each session of others. */
import type { DirectoryStore } from '@claudemesh/client'
import { and, eq, sql } from 'drizzle-orm'
import { named, rowColumns } from './columns.ts'
import type { MeshScope } from './mesh-scope.ts'
import { directory } from './schema.ts'

export function directoryStore({ orm, mesh }: MeshScope): DirectoryStore {
  const ours = eq(directory.mesh, mesh)
  const put = orm
    .insert(directory)
    .values({ mesh, ...named({ key: '', entry: '', at: 0 }) })
    .onConflictDoUpdate({
      target: [directory.mesh, directory.key],
      set: { entry: sql`excluded.entry`, at: sql`excluded.at` },
    })
    .prepare()
  return {
    all: () => orm.select(rowColumns(directory)).from(directory).where(ours).all(),
    put: row => void put.run({ ...row }),
    remove: key =>
      void orm
        .delete(directory)
        .where(and(ours, eq(directory.key, key)))
        .run(),
  }
}
