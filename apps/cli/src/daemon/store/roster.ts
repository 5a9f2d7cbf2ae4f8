/** The verified roster of a mesh: entries in order, without a gap. */
import type { RosterStore } from '@claudemesh/client'
import { MeshError } from '@claudemesh/protocol'
import { asc, count, eq } from 'drizzle-orm'
import type { MeshScope } from './mesh-scope.ts'
import { rosterEntry } from './schema.ts'

export function rosterStore({ orm, mesh }: MeshScope): RosterStore {
  const ours = eq(rosterEntry.mesh, mesh)
  const held = orm.select({ n: count() }).from(rosterEntry).where(ours).prepare()
  return {
    entries: () => {
      const rows = orm.select().from(rosterEntry).where(ours).orderBy(asc(rosterEntry.seq)).all()
      return rows.map(row => row.entry)
    },
    append: (seq, entry) => {
      if (held.get()!.n !== seq)
        throw new MeshError('internal', 'the roster is to grow by its next entry', { facts: { seq } })
      orm.insert(rosterEntry).values({ mesh, seq, entry }).run()
    },
  }
}
