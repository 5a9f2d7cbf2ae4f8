/** One call of a cold query: parameterised, and every failure a MeshError without SQL in it. */
import type postgres from 'postgres'
import { meshError } from './database-errors.ts'

/** Awaits a statement and turns what it throws into a MeshError. */
export async function run<T>(statement: PromiseLike<T>): Promise<T> {
  try {
    return await statement
  } catch (error) {
    throw meshError(error)
  }
}

/** jsonb for a parameter; `null` stays NULL. The value is already wire JSON. */
export const json = (sql: postgres.Sql, wire: unknown) =>
  wire === null || wire === undefined ? null : sql.json(wire as postgres.JSONValue)
