/** Keys of this machine that the client makes or is given: epoch keys and prekeys. */
import type { EpochStore, PrekeyStore } from '@claudemesh/client'
import { and, asc, eq, sql } from 'drizzle-orm'
import { rowColumns } from './columns.ts'
import type { MeshScope } from './mesh-scope.ts'
import { epoch, opener, prekey, textKey } from './schema.ts'
import { secretRows } from './secrets.ts'

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
  const secrets = secretRows({ orm })
  const columns = rowColumns(prekey)
  const ours = eq(prekey.mesh, mesh)
  const one = (id: Uint8Array) => and(ours, eq(prekey.id, id))
  const update = orm
    .update(prekey)
    .set({
      publishedAt: sql`${sql.placeholder('publishedAt')}`,
      queuedUpTo: sql`${sql.placeholder('queuedUpTo')}`,
      attachedMs: sql`${sql.placeholder('attachedMs')}`,
    })
    .where(and(ours, eq(prekey.id, sql.placeholder('id'))))
    .prepare()
  return {
    all: () =>
      orm
        .select(columns)
        .from(prekey)
        .where(ours)
        .orderBy(asc(prekey.n))
        .all()
        .flatMap(({ secretRow, ...row }) =>
          secretRow === null ? [] : [{ ...row, secret: secrets.get(secretRow) }],
        ),
    put: ({ secret, ...row }) =>
      void orm
        .insert(prekey)
        .values({ mesh, ...row, secretRow: secrets.put(secret) })
        .run(),
    update: (id, life) => void update.run({ ...life, id }),
    remove: id => {
      const held = orm.select({ row: prekey.secretRow }).from(prekey).where(one(id)).get()
      if (held?.row != null) secrets.erase(held.row)
      orm.delete(prekey).where(one(id)).run()
      orm
        .delete(opener)
        .where(and(eq(opener.mesh, mesh), eq(opener.prekeyId, id)))
        .run()
    },
  }
}

/** Of a mesh that is left: what cascades away takes no secret along. */
export function eraseOwnKeys({ orm, mesh }: Pick<MeshScope, 'orm' | 'mesh'>): void {
  const secrets = secretRows({ orm })
  for (const table of [prekey, textKey])
    for (const { row } of orm.select({ row: table.secretRow }).from(table).where(eq(table.mesh, mesh)).all())
      if (row !== null) secrets.erase(row)
}
