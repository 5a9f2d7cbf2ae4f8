/** Openers that senders used: found by their id when an envelope names one. */
import type { OpenerStore } from '@claudemesh/client'
import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import { named, rowColumns } from './columns.ts'
import type { MeshScope } from './mesh-scope.ts'
import { opener } from './schema.ts'

export function openerStore({ orm, mesh }: MeshScope): OpenerStore {
  const columns = rowColumns(opener)
  const place = named({ owner: 0, from: 0, prekeyId: 0, openerId: 0 })
  const lane = and(
    eq(opener.mesh, mesh),
    eq(opener.prekeyId, place.prekeyId),
    eq(opener.owner, place.owner),
    eq(opener.from, place.from),
  )
  const find = orm
    .select(columns)
    .from(opener)
    .where(and(lane, eq(opener.openerId, place.openerId)))
    .prepare()
  const put = orm
    .insert(opener)
    .values({ mesh, ...named(columns) })
    .onConflictDoUpdate({
      target: [opener.mesh, opener.prekeyId, opener.owner, opener.from, opener.openerId],
      set: { certificate: sql`excluded.certificate`, at: sql`excluded.at` },
    })
    .prepare()
  const beyond = orm
    .select({ row: opener.row })
    .from(opener)
    .where(lane)
    .orderBy(desc(opener.at), desc(opener.row))
    .limit(Number.MAX_SAFE_INTEGER)
    .offset(sql.placeholder('keep'))
    .prepare()
  return {
    find: (owner, from, prekeyId, openerId) => find.get({ owner, from, prekeyId, openerId }),
    put: (row, keep) => {
      put.run({ ...row })
      const old = beyond.all({ owner: row.owner, from: row.from, prekeyId: row.prekeyId, keep })
      if (old.length > 0)
        orm
          .delete(opener)
          .where(
            inArray(
              opener.row,
              old.map(each => each.row),
            ),
          )
          .run()
    },
  }
}
