/** Keys of this machine that the client makes or is given: epoch keys and prekeys. */
import type { EpochStore, PrekeyStore } from '@claudemesh/client'
import { and, asc, eq } from 'drizzle-orm'
import { rowColumns } from './columns.ts'
import type { MeshScope } from './mesh-scope.ts'
import { epoch, opener, prekey } from './schema.ts'

export function epochStore({ orm, mesh }: MeshScope): EpochStore {
  return {
    all: () =>
      orm.select(rowColumns(epoch)).from(epoch).where(eq(epoch.mesh, mesh)).orderBy(asc(epoch.number)).all(),
    put: row => {
      const target = [epoch.mesh, epoch.number]
      orm
        .insert(epoch)
        .values({ mesh, ...row })
        .onConflictDoUpdate({ target, set: { key: row.key } })
        .run()
    },
  }
}

export function prekeyStore({ orm, mesh }: MeshScope): PrekeyStore {
  return {
    all: () =>
      orm.select(rowColumns(prekey)).from(prekey).where(eq(prekey.mesh, mesh)).orderBy(asc(prekey.n)).all(),
    put: row => {
      orm
        .insert(prekey)
        .values({ mesh, ...row })
        .onConflictDoUpdate({ target: [prekey.mesh, prekey.id], set: row })
        .run()
    },
    remove: id => {
      orm
        .delete(prekey)
        .where(and(eq(prekey.mesh, mesh), eq(prekey.id, id)))
        .run()
      orm
        .delete(opener)
        .where(and(eq(opener.mesh, mesh), eq(opener.prekeyId, id)))
        .run()
    },
  }
}
