/** The database functions of this version, in a schema that is named after their text: another version beside it calls its own. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SOURCES = new URL('../sql/', import.meta.url)
/** What the sources call the schema they lie in. */
const NAME = 'mesh_fn'

export interface FunctionSet {
  readonly schema: string
  /** Statements that make all of it in its schema, which stands empty. */
  readonly text: string
}

/** The set of functions that these sources make. */
export function functionSet(sources: string): FunctionSet {
  const schema = `${NAME}_${createHash('sha256').update(sources).digest('hex').slice(0, 16)}`
  return { schema, text: sources.replace(/\bmesh_fn\b/g, schema) }
}

/** The sources of this version, in the order in which they build on each other. */
export function functionSources(): string {
  const names = readdirSync(fileURLToPath(SOURCES))
    .filter(name => name.endsWith('.sql'))
    .sort()
  return names.map(name => readFileSync(new URL(name, SOURCES), 'utf8')).join('\n')
}

/** The functions that this program calls. */
export const FUNCTIONS: FunctionSet = functionSet(functionSources())
