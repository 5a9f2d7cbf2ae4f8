/** Writes that every message makes: what drizzle asks of each parameter with every run is asked once. */
import type { SQLQueryBindings } from 'bun:sqlite'
import { MeshError } from '@claudemesh/protocol/errors'
import { is, Param, Placeholder } from 'drizzle-orm'
import type { MeshScope } from './mesh-scope.ts'

type Values<K extends string> = Readonly<Record<K, unknown>>
type Read = (values: Values<string>) => SQLQueryBindings

/** `query` with its placeholders read from the values it is run with, by name; what else these have is left. Throws `internal` where one is missing. */
export function hotWrite<K extends string>(
  { orm }: Pick<MeshScope, 'orm'>,
  query: { toSQL(): { sql: string; params: unknown[] } },
): (values: Values<K>) => void {
  const { sql, params } = query.toSQL()
  const statement = orm.$client.prepare(sql)
  const reads = params.map(readerOf)
  return values => void statement.run(...reads.map(read => read(values)))
}

function readerOf(param: unknown): Read {
  if (is(param, Placeholder)) return values => bound(values, param.name)
  if (!is(param, Param) || !is(param.value, Placeholder)) return () => param as SQLQueryBindings
  const { encoder, value } = param
  return values => encoder.mapToDriverValue(bound(values, value.name)) as SQLQueryBindings
}

function bound(values: Values<string>, name: string): SQLQueryBindings {
  const value = values[name]
  if (value === undefined) throw new MeshError('internal', `a stored row has no ${name}`)
  return value as SQLQueryBindings
}
