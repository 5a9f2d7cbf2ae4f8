/** Every step known of a message, in the order it became known. */
import type { TraceRow, TraceStore } from '@claudemesh/client'
import { and, asc, eq, sql } from 'drizzle-orm'
import { named, rowColumns } from './columns.ts'
import { hotWrite } from './hot.ts'
import { trace } from './inbox-schema.ts'
import type { MeshScope } from './mesh-scope.ts'

export function traceStore(scope: MeshScope): TraceStore {
  const { orm, mesh } = scope
  const columns = rowColumns(trace)
  const add = hotWrite<keyof TraceRow>(scope, orm.insert(trace).values({ mesh, ...named(columns) }))
  const of = orm
    .select(columns)
    .from(trace)
    .where(and(eq(trace.mesh, mesh), eq(trace.msg, sql.placeholder('msg'))))
    .orderBy(asc(trace.row))
    .prepare()
  return {
    add: rows => {
      for (const row of rows) add(row)
    },
    of: msg => of.all({ msg }),
  }
}
