/** The kinds of column the store is made of, and how a whole row is named in a prepared statement. */
import { getTableColumns, type Placeholder, type SQL, sql } from 'drizzle-orm'
import { customType, type SQLiteTable } from 'drizzle-orm/sqlite-core'

/** A `Uint8Array` in and out (drizzle's own blob gives a Node Buffer). */
export const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({
  dataType: () => 'blob',
  fromDriver: value => new Uint8Array(value),
})

type Row = { mesh: unknown; row?: unknown }
type Columns<T extends SQLiteTable> = Omit<T['_']['columns'], keyof Row>

/** The columns that make up a row as `@claudemesh/client` knows it: without whose mesh it is and its place in the file. */
export function rowColumns<T extends SQLiteTable>(table: T): Columns<T> {
  const { mesh: _, row: __, ...columns } = getTableColumns(table) as T['_']['columns'] & Row
  return columns
}

/** A placeholder of its own name for each of these columns, for the values and conditions of a prepared statement. */
export const named = <K extends string>(columns: Record<K, unknown>): Record<K, Placeholder> =>
  eachOf(columns, name => sql.placeholder(name))

/** The same, for what a prepared update sets. */
export const assigned = <K extends string>(columns: Record<K, unknown>): Record<K, SQL> =>
  eachOf(columns, name => sql`${sql.placeholder(name)}`)

/** Rows in the order of their `place`, without it: SQLite's own sorting of one row costs more than finding it. */
export const inPlace = <R extends { readonly place: number }>(rows: readonly R[]): Omit<R, 'place'>[] =>
  rows.toSorted((a, b) => a.place - b.place).map(({ place: _, ...row }) => row)

function eachOf<K extends string, V>(columns: Record<K, unknown>, make: (name: K) => V): Record<K, V> {
  const made: Partial<Record<K, V>> = {}
  for (const name in columns) made[name] = make(name)
  return made as Record<K, V>
}
