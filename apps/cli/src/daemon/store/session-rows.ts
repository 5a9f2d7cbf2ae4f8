/** Sessions of this machine as rows: what they were opened with, and how they stand. */
import { and, asc, eq, gte } from 'drizzle-orm'
import type { MeshScope } from './mesh-scope.ts'
import { session } from './session-schema.ts'

export type SessionRow = Omit<typeof session.$inferSelect, 'mesh'>

export interface SessionRows {
  get(uuid: string): SessionRow | undefined
  put(row: SessionRow): void
  /** Used at or after `since`, by name. */
  usedSince(since: number): SessionRow[]
}

export function sessionRows({ orm, mesh }: MeshScope): SessionRows {
  const ours = eq(session.mesh, mesh)
  return {
    get: uuid =>
      orm
        .select()
        .from(session)
        .where(and(ours, eq(session.uuid, uuid)))
        .get(),
    put: row => {
      const target = [session.mesh, session.uuid]
      orm
        .insert(session)
        .values({ ...row, mesh })
        .onConflictDoUpdate({ target, set: row })
        .run()
    },
    usedSince: since =>
      orm
        .select()
        .from(session)
        .where(and(ours, gte(session.usedAt, since)))
        .orderBy(asc(session.name))
        .all(),
  }
}
