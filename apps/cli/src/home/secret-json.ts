/** Reads secrets that are JSON of one shape; apart from how they are written, which loads no schemas. */
import { MeshError, parseAs } from '@claudemesh/protocol'
import type { z } from 'zod'
import { readIfThere } from './read-if-there.ts'

/** JSON of one shape. A file that does not hold it is an error a person sees: throws `integrity`, nothing is made anew. */
export function readSecretJson<S extends z.ZodType>(path: string, schema: S): z.output<S> | undefined {
  const text = readIfThere(path)
  if (text === undefined) return undefined
  const parsed = parseAs(schema, parse(text))
  if (parsed.success) return parsed.data
  throw new MeshError(
    'integrity',
    `${path} is damaged. It holds keys that exist nowhere else: restore it from a backup. Nothing was made anew.`,
    { field: parsed.error.issues[0]?.path.join('.') },
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
