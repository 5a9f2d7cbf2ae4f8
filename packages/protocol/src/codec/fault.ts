/** The errors a codec answers with: a stable code and the dotted path of the field at fault. */
import { type ErrorCode, MeshError } from '../errors.ts'

/** An error about `field`, relative to whatever is being read; callers put their own place in front of it. */
export const fault = (code: ErrorCode, message: string, field: string): MeshError =>
  new MeshError(code, message, { field })

/** The same error seen from one level further out: `to[1]` inside `header` becomes `header.to[1]`. */
export function within(place: string, error: unknown): unknown {
  if (!(error instanceof MeshError)) return error
  const field = error.field ? `${place}.${error.field}` : place
  return new MeshError(error.code, error.message, { field, facts: error.facts, cause: error.cause })
}
