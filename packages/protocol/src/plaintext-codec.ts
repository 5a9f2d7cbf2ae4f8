/**
 * The plaintext of nearly every message, read and written by hand in a tenth of zod's time: what is not exactly of this shape is the
 * schema's to judge. What is taken here is what the schema takes, and comes out the same (test/plaintext-codec.test.ts).
 */
import type { z } from 'zod'
import { fromBase64url, toBase64url } from './bytes.ts'
import { parseAs } from './parse-as.ts'
import { type PlaintextJson, plaintextJson } from './plaintext.ts'
import { ms as msSchema } from './schema.ts'

/** In the order that zod writes them. */
const KEYS = ['msg', 'composedAt', 'kind', 'payload', 'line', 'prekey', 'roster', 'checkpoint', 'certificate']
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const LONGEST_KIND = 32
const LONGEST_NOTE = 4096
const LAST_MS = msSchema.maxValue!

/** As `plaintextJson.safeEncode`. */
export const encodePlaintext = (
  plaintext: PlaintextJson,
): z.ZodSafeParseResult<z.input<typeof plaintextJson>> => {
  const data = plainly<z.input<typeof plaintextJson>>(plaintext, written)
  return data ? { success: true, data } : plaintextJson.safeEncode(plaintext)
}

/** As `plaintextJson.safeParse`. */
export const parsePlaintext = (json: unknown): z.ZodSafeParseResult<PlaintextJson> => {
  const data = plainly<PlaintextJson>(json, read)
  return data ? { success: true, data } : parseAs(plaintextJson, json)
}

type Convert = (value: unknown, size: number) => unknown
const written: Convert = (value, size) =>
  value instanceof Uint8Array && value.length === size ? toBase64url(value) : undefined
const read: Convert = (value, size) => {
  if (typeof value !== 'string' || value.length !== Math.ceil((size * 4) / 3)) return undefined
  return fromBase64url(value)
}

/** With its bytes converted; `undefined` where the schema has to be asked. */
function plainly<T>(value: unknown, convert: Convert): T | undefined {
  if (!hasKeys(value, KEYS)) return undefined
  const { msg, composedAt, kind, payload, checkpoint, certificate } = value
  if (typeof msg !== 'string' || !UUID.test(msg) || !isWhole(composedAt, LAST_MS)) return undefined
  if (typeof kind !== 'string' || kind.length < 1 || kind.length > LONGEST_KIND) return undefined
  if (checkpoint !== null && (typeof checkpoint !== 'string' || checkpoint.length > LONGEST_NOTE))
    return undefined
  // Who sends one is heard of for the first time.
  if (certificate !== null) return undefined
  const line = convert(value.line, 16)
  const prekey = pair(value.prekey, ['n', 'id'], LAST_MS, id => convert(id, 16))
  const roster = pair(value.roster, ['seq', 'head'], Number.MAX_SAFE_INTEGER, head => convert(head, 32))
  if (line === undefined || !prekey || !roster) return undefined
  return { msg, composedAt, kind, payload, line, prekey, roster, checkpoint, certificate } as T
}

function pair(
  value: unknown,
  keys: readonly [string, string],
  most: number,
  convert: (bytes: unknown) => unknown,
): object | undefined {
  if (!hasKeys(value, keys)) return undefined
  const [counted, named] = keys
  const bytes = convert(value[named])
  if (!isWhole(value[counted], most) || bytes === undefined) return undefined
  return { [counted]: value[counted], [named]: bytes }
}

const isWhole = (value: unknown, most: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most

/** A plain object with these keys of its own, and no other. */
function hasKeys(value: unknown, keys: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return false
  return Object.keys(value).length === keys.length && keys.every(key => Object.hasOwn(value, key))
}
