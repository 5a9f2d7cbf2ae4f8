/** A statement of the hot lane, and what its answer tells of the next one. */
import type { Database } from './database.ts'
import type { Flight, MeshHead } from './leaf-forecast.ts'

/**
 * Calls one statement; its flight ends with it. Whoever commits does it through here once: equally many turns of the event loop from
 * the driver's answers to theirs keep these in the order of the commits.
 */
export async function fly<Row>(
  db: Database,
  flight: Flight,
  statement: string,
  parameters: readonly (string | number | Uint8Array | null)[],
  headOf: (row: Row) => MeshHead | null,
): Promise<Row> {
  let head: MeshHead | null = null
  try {
    const [row] = await db.lane.call<Row>(statement, parameters)
    head = headOf(row!)
    return row!
  } finally {
    db.lane.forecast.end(flight, head)
  }
}
