/** Reading what came as JSON from outside by a schema: there is always an answer, whatever the value is. */
import type { z } from 'zod'

/** By which an object says what it is when it is compared; no field of ours has such a name. */
const COMPARED_BY: readonly string[] = ['toString', 'valueOf']

/**
 * `schema.safeParse(value)`, also where zod itself throws: 4.6 asks whatever has a field `length` how long it is, and trips over an
 * object there that cannot be compared, such as `{"length":{"toString":0}}`. It is read without such fields then.
 */
export function parseAs<S extends z.ZodType>(schema: S, value: unknown): z.ZodSafeParseResult<z.output<S>> {
  try {
    return schema.safeParse(value)
  } catch {
    const comparable = JSON.stringify(value, (name, part) => (COMPARED_BY.includes(name) ? undefined : part))
    return schema.safeParse(JSON.parse(comparable))
  }
}
