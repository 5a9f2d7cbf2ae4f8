/** What is told of the envelopes that came and did not open, without their bytes. */
import { and, asc, eq, gte } from 'drizzle-orm'
import { unopened } from './inbox-schema.ts'
import type { MeshScope } from './mesh-scope.ts'

export type UnopenedMail = Pick<typeof unopened.$inferSelect, 'from' | 'reason' | 'at'>

/** Those of `since` (ms since 1970) and later, in the order they came; `from` is what their headers say. */
export function unopenedSince({ orm, mesh }: MeshScope, since: number): UnopenedMail[] {
  const { from, reason, at } = unopened
  return orm
    .select({ from, reason, at })
    .from(unopened)
    .where(and(eq(unopened.mesh, mesh), gte(at, since)))
    .orderBy(asc(unopened.row))
    .all()
}
