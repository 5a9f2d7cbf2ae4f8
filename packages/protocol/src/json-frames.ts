/** JSON text frames of /ws to values and back: bounded before they are parsed, and refused by the field at fault. */

import { z } from 'zod'
import { MeshError } from './errors.ts'
import { type BrokerFrame, type BrokerFrameOf, brokerFrame, type ClientFrame, clientFrame } from './frames.ts'
import { LIMITS } from './limits.ts'
import { parseAs } from './parse-as.ts'

/** Deeper than any frame goes; keeps a parser from being led down a hole. */
const MAX_DEPTH = 16
const MAX_FIELD_CHARS = 256
const [hello, request] = clientFrame.options

/**
 * Reads a client's text frame; byte strings come out as `Uint8Array`.
 * Throws `MeshError`: `too-large` above `maxBytes` of UTF-8, `bad-frame` for what is not JSON or of no known type,
 * else `bad-field` with the first field at fault.
 */
export function parseClientFrame(text: string, maxBytes: number = LIMITS.frameBytes): ClientFrame {
  const value = parseObject(text, maxBytes)
  return value.type === 'hello' ? decode(hello, value) : decode(request, value)
}

/**
 * Reads a broker's text frame, under the same rules, but for a roster entry that cannot be read: that is `integrity`,
 * since a chain is followed entry by entry or not at all.
 */
export function parseBrokerFrame(text: string, maxBytes: number = LIMITS.frameBytes): BrokerFrame {
  const value = parseObject(text, maxBytes)
  const result = parseAs(brokerFrame, value)
  if (result.success) return result.data
  const path = result.error.issues[0]?.path ?? []
  throw value.type === 'roster' && path[0] === 'entries' && path.length > 1
    ? unreadable(path, refused(result.error))
    : refused(result.error)
}

function unreadable(path: readonly PropertyKey[], cause: MeshError): MeshError {
  const ofKind = path.length === 3 && path[2] === 'kind'
  return new MeshError('integrity', 'roster: an entry that this version cannot read', {
    field: cause.field,
    cause,
    ...(ofKind ? { facts: { rule: 'unknown-kind' } } : {}),
  })
}

/** JSON of a client's frame. Throws `bad-field` for a value the schema refuses. */
export function encodeClientFrame(frame: ClientFrame): string {
  return frame.type === 'hello' ? encode(hello, frame) : encode(request, frame)
}

/** JSON of a broker's frame. Throws `bad-field` for a value the schema refuses. */
export const encodeBrokerFrame = (frame: BrokerFrame): string => encode(brokerFrame, frame)

/** JSON of a `roster` frame whose entries are the JSON of an array already: wire JSON, as `encodeBrokerFrame` once made it of each. */
export function encodeRosterFrame(
  frame: Omit<BrokerFrameOf<'roster'>, 'type' | 'entries'>,
  entries: string,
): string {
  const { entries: _, ...rest } = JSON.parse(encodeBrokerFrame({ ...frame, type: 'roster', entries: [] }))
  return `${JSON.stringify(rest).slice(0, -1)},"entries":${entries}}`
}

function decode<T extends z.ZodType>(schema: T, value: object): z.output<T> {
  const result = parseAs(schema, value)
  if (result.success) return result.data
  throw refused(result.error)
}

function encode<T extends z.ZodType>(schema: T, frame: z.output<T>): string {
  const result = z.safeEncode(schema, frame)
  if (result.success) return JSON.stringify(result.data)
  throw refused(result.error)
}

function parseObject(text: string, maxBytes: number): Record<string, unknown> {
  if (
    text.length > maxBytes ||
    (text.length * 3 > maxBytes && new TextEncoder().encode(text).length > maxBytes)
  )
    throw new MeshError('too-large', `frame above ${maxBytes} bytes`, { field: 'frame' })
  if (depthOf(text) > MAX_DEPTH) throw new MeshError('bad-frame', `nested deeper than ${MAX_DEPTH}`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new MeshError('bad-frame', 'not JSON', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MeshError('bad-frame', 'a JSON object expected')
  return value as Record<string, unknown>
}

/** How deep brackets nest outside strings; right for JSON, and bounded work for anything else. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) i = endOfString(text, i)
    else if (c === 0x7b || c === 0x5b) deepest = Math.max(deepest, ++depth)
    else if (c === 0x7d || c === 0x5d) depth--
  }
  return deepest
}

/** Where the string that begins at `start` is closed. Most of a frame is in strings: they are searched through, not walked. */
function endOfString(text: string, start: number): number {
  let end = start
  do end = text.indexOf('"', end + 1)
  while (end > 0 && backslashesBefore(text, end) % 2 === 1)
  return end < 0 ? text.length : end
}

function backslashesBefore(text: string, at: number): number {
  let first = at
  while (text.charCodeAt(first - 1) === 0x5c) first--
  return at - first
}

function refused(error: z.core.$ZodError): MeshError {
  const issue = error.issues[0]
  const path = issue?.path ?? []
  if (issue?.code === 'invalid_union' && path.length === 1 && path[0] === 'type')
    return new MeshError('bad-frame', 'unknown frame type', { field: 'type' })
  const field = dotted(path).slice(0, MAX_FIELD_CHARS)
  return new MeshError(
    'bad-field',
    issue?.code === 'unrecognized_keys' ? 'unknown field' : (issue?.message ?? 'refused'),
    {
      field,
    },
  )
}

function dotted(path: readonly PropertyKey[]): string {
  let out = ''
  for (const step of path)
    out += typeof step === 'number' ? `[${step}]` : out === '' ? String(step) : `.${String(step)}`
  return out
}
