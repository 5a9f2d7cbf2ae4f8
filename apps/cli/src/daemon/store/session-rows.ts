/** Sessions of this machine as rows: what they were opened with, and how they stand. Read once; memory follows what is written. */
import { eq } from 'drizzle-orm'
import type { MeshScope } from './mesh-scope.ts'
import { session } from './session-schema.ts'

export type SessionRow = Omit<typeof session.$inferSelect, 'mesh'>

export interface SessionRows {
  get(uuid: string): SessionRow | undefined
  put(row: SessionRow): void
  /** By name. */
  all(): readonly SessionRow[]
  /** Used at or after `since`, by name. */
  usedSince(since: number): SessionRow[]
}

export function sessionRows({ orm, mesh }: MeshScope): SessionRows {
  const stored = orm.select().from(session).where(eq(session.mesh, mesh)).all()
  const rows = new Map<string, SessionRow>(stored.map(({ mesh: _, ...row }) => [row.uuid, row]))
  let sorted: readonly SessionRow[] | undefined
  const all = () => {
    sorted ??= [...rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    return sorted
  }
  return {
    get: uuid => rows.get(uuid),
    put: row => {
      const target = [session.mesh, session.uuid]
      orm
        .insert(session)
        .values({ ...row, mesh })
        .onConflictDoUpdate({ target, set: row })
        .run()
      rows.set(row.uuid, row)
      sorted = undefined
    },
    all,
    usedSince: since => all().filter(row => row.usedAt >= since),
  }
}
