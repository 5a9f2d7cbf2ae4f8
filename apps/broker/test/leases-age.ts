/** Time that passes for leases alone: they are judged by the database's clock, which no test can turn. */
import { openDatabase } from '@claudemesh/db'

/** By when a node has beat once more. */
export const BEAT_MS = 20_000

/** What is away became so `ms` earlier, and each node of this name beat for the last time `ms` earlier. */
export async function leasesAge(databaseUrl: string, ms: number, node = ''): Promise<void> {
  const db = await openDatabase({ url: databaseUrl, max: 1 })
  try {
    await db.sql`update mesh.lease set state_at = state_at - ${ms} * interval '1 millisecond' where state = 'away'`
    await db.sql`update mesh.node set beat_until = beat_until - ${ms} * interval '1 millisecond'
      where ${node} <> '' and starts_with(name, ${node})`
  } finally {
    await db.close()
  }
}
