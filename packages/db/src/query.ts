/** One call of a cold query: parameterised, and every failure a MeshError without SQL in it. */
import type postgres from 'postgres'
import type { Database } from './database.ts'
import { meshError } from './database-errors.ts'

/** Awaits a statement and turns what it throws into a MeshError. */
export async function run<T>(statement: PromiseLike<T>): Promise<T> {
  try {
    return await statement
  } catch (error) {
    throw meshError(error)
  }
}

/** `ms` since 1970 as a time of a statement; left out, the database's own: what nodes judge of each other goes by the one clock they share. */
export const timeOf = (db: Database, ms: number | undefined) =>
  ms === undefined ? db.sql`clock_timestamp()` : db.sql`${db.fn}.at(${ms})`

/** jsonb for a parameter; `null` stays NULL. The value is already wire JSON. */
export const json = (sql: postgres.Sql, wire: unknown) =>
  wire === null || wire === undefined ? null : sql.json(wire as postgres.JSONValue)
