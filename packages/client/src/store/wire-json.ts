/** What was read from a frame or made here, as the JSON of the wire: a tenth of the cost of checking its form once more. */
import { toBase64url } from '@claudemesh/protocol'

/** For plain data and byte strings. */
export const wireJson = (value: object): string => JSON.stringify(wired(value))

function wired(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return toBase64url(value)
  if (Array.isArray(value)) return value.map(wired)
  const out: Record<string, unknown> = {}
  for (const name in value) out[name] = wired((value as Record<string, unknown>)[name])
  return out
}
