/** The verified roster of a mesh: entries in order, without a gap. */
import type { RosterStore } from '@claudemesh/client'
import { MeshError } from '@claudemesh/protocol/errors'
import { asc, eq, max, sql } from 'drizzle-orm'
import type { MeshScope } from './mesh-scope.ts'
import { rosterEntry } from './schema.ts'

export function rosterStore({ orm, mesh }: MeshScope): RosterStore {
  const ours = eq(rosterEntry.mesh, mesh)
  const last = orm
    .select({ seq: max(rosterEntry.seq) })
    .from(rosterEntry)
    .where(ours)
    .prepare()
  const count = () => (last.get()?.seq ?? -1) + 1
  return {
    entries: () => {
      const rows = orm.select().from(rosterEntry).where(ours).orderBy(asc(rosterEntry.seq)).all()
      return rows.map(row => row.entry)
    },
    count,
    append: (seq, entries) => {
      if (count() !== seq)
        throw new MeshError('internal', 'the roster is to grow by its next entry', { facts: { seq } })
      // JSON in JSON: as text in it, all of it would be escaped and read back.
      orm.run(sql`INSERT INTO ${rosterEntry} (mesh, seq, entry)
        SELECT ${mesh}, ${seq} + key, value FROM json_each(${`[${entries.join(',')}]`})`)
    },
  }
}
