/** Every step known of a message, in the order it became known. */
import type { TraceStore } from '@claudemesh/client'
import { and, asc, eq, sql } from 'drizzle-orm'
import { named, rowColumns } from './columns.ts'
import { trace } from './inbox-schema.ts'
import type { MeshScope } from './mesh-scope.ts'

export function traceStore({ orm, mesh }: MeshScope): TraceStore {
  const columns = rowColumns(trace)
  const add = orm
    .insert(trace)
    .values({ mesh, ...named(columns) })
    .prepare()
  const of = orm
    .select(columns)
    .from(trace)
    .where(and(eq(trace.mesh, mesh), eq(trace.msg, sql.placeholder('msg'))))
    .orderBy(asc(trace.row))
    .prepare()
  return {
    add: rows => {
      for (const row of rows) add.run({ ...row })
    },
    of: msg => of.all({ msg }),
  }
}
