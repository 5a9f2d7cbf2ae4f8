/** The verified roster of a mesh: entries in order, without a gap. */
import type { RosterStore } from '@claudemesh/client'
import { MeshError } from '@claudemesh/protocol'
import { asc, eq, max } from 'drizzle-orm'
import { named } from './columns.ts'
import type { MeshScope } from './mesh-scope.ts'
import { rosterEntry } from './schema.ts'

export function rosterStore({ orm, mesh }: MeshScope): RosterStore {
  const ours = eq(rosterEntry.mesh, mesh)
  const last = orm
    .select({ seq: max(rosterEntry.seq) })
    .from(rosterEntry)
    .where(ours)
    .prepare()
  const insert = orm
    .insert(rosterEntry)
    .values({ mesh, ...named({ seq: 0, entry: '' }) })
    .prepare()
  return {
    entries: () => {
      const rows = orm.select().from(rosterEntry).where(ours).orderBy(asc(rosterEntry.seq)).all()
      return rows.map(row => row.entry)
    },
    append: (seq, entry) => {
      if ((last.get()?.seq ?? -1) + 1 !== seq)
        throw new MeshError('internal', 'the roster is to grow by its next entry', { facts: { seq } })
      insert.run({ seq, entry })
    },
  }
}
