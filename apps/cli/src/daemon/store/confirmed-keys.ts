/** Whose key the person confirmed, and by what name she knew its owner then. */
import { and, eq } from 'drizzle-orm'
import { memoryOf } from './memory.ts'
import type { MeshScope } from './mesh-scope.ts'
import { confirmedKey } from './session-schema.ts'

export type ConfirmedKey = Omit<typeof confirmedKey.$inferSelect, 'mesh'>

export interface ConfirmedKeys {
  /** By member key, base64url. */
  all(): ReadonlyMap<string, ConfirmedKey>
  put(row: ConfirmedKey): void
  remove(member: string): void
}

const ALL = 'all'

/** By scope: they are asked for with every message. */
const opened = new WeakMap<MeshScope, ConfirmedKeys>()

export function confirmedKeysOf(scope: MeshScope): ConfirmedKeys {
  const held = opened.get(scope) ?? open(scope)
  opened.set(scope, held)
  return held
}

function open(scope: MeshScope): ConfirmedKeys {
  const { orm, mesh } = scope
  const memory = memoryOf<ReadonlyMap<string, ConfirmedKey>>(scope)
  const every = orm.select().from(confirmedKey).where(eq(confirmedKey.mesh, mesh)).prepare()
  return {
    all: () => memory.get(ALL, () => new Map(every.all().map(({ mesh: _, ...row }) => [row.member, row]))),
    put: row => {
      const target = [confirmedKey.mesh, confirmedKey.member]
      orm
        .insert(confirmedKey)
        .values({ ...row, mesh })
        .onConflictDoUpdate({ target, set: row })
        .run()
      memory.forget(ALL)
    },
    remove: member => {
      orm
        .delete(confirmedKey)
        .where(and(eq(confirmedKey.mesh, mesh), eq(confirmedKey.member, member)))
        .run()
      memory.forget(ALL)
    },
  }
}
