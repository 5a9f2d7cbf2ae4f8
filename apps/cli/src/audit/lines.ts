/** An audit log as JSON lines: the roster that names its keys, then leaves and signed heads in their order. A file of them verifies alone. */
import {
  encodeFields,
  type Field,
  isLeafType,
  LEAF_FIELDS,
  type LeafRun,
  type LeafType,
  leavesOf,
  readLeafFields,
  type ShownLeaf,
} from '@claudemesh/crypto'
import { equalBytes, MeshError, toBase64url } from '@claudemesh/protocol'

const FORMAT = 'claudemesh.audit.v1'

/** A checkpoint stands behind the last leaf that it covers. */
export type LogLine =
  /** First of all; `head` is the signed head that an export was made of. */
  | { readonly mesh: string; readonly head?: string }
  /** Wire JSON of a roster entry. */
  | { readonly entry: unknown }
  | { readonly leaf: ShownLeaf }
  | { readonly checkpoint: string }

/** A line, or those of several leaves at once. */
export type LogItem = LogLine | { readonly leaves: readonly (ShownLeaf | LeafRun)[] }

/** The item as lines, each with its line feed. */
export function* linesOf(item: LogItem): Generator<string> {
  if (!('leaves' in item)) yield lineOf(item)
  else
    for (const some of item.leaves)
      for (const leaf of 'hashes' in some ? leavesOf(some) : [some]) yield lineOf({ leaf })
}

/** The one line. */
export function lineOf(item: LogLine): string {
  if ('mesh' in item) return `${JSON.stringify({ log: FORMAT, ...item })}\n`
  if ('leaf' in item) return `${JSON.stringify({ leaf: leafJson(item.leaf) })}\n`
  return `${JSON.stringify(item)}\n`
}

function leafJson({ index, hash, body, pruned }: ShownLeaf): object {
  const place = { index, hash: toBase64url(hash) }
  if (!body) return { ...place, ...(pruned ? { pruned } : { hidden: true }) }
  const { at, salt, type, fields } = body
  return { ...place, at, salt: toBase64url(salt), type, fields: shownFields(type, fields) }
}

/** By name where the bytes are those of the type, which they always are; base64url where somebody changed them, or of a later version. */
function shownFields(type: string, bytes: Uint8Array): unknown {
  if (!isLeafType(type)) return toBase64url(bytes)
  try {
    const named = Object.fromEntries(
      Object.entries(readLeafFields(type, bytes)).map(([name, value]) => [name, plain(value)]),
    )
    return equalBytes(fieldBytes(type, named), bytes) ? named : toBase64url(bytes)
  } catch {
    return toBase64url(bytes)
  }
}

function plain(value: ReturnType<typeof readLeafFields>[string]): unknown {
  if (value instanceof Uint8Array) return toBase64url(value)
  if (typeof value !== 'object' || value === null) return value
  return { member: toBase64url(value.member), session: value.session && toBase64url(value.session) }
}

/** Reads a line, as text or parsed. Throws `integrity` for what is no line of a log: it was changed, or is of a later version. */
export function itemOf(line: unknown, number: number): LogLine {
  try {
    const json = record(typeof line === 'string' ? JSON.parse(line) : line)
    if (json.log === FORMAT)
      return { mesh: string(json.mesh), ...(json.head === undefined ? {} : { head: string(json.head) }) }
    if (json.entry !== undefined) return { entry: json.entry }
    if (json.checkpoint !== undefined) return { checkpoint: string(json.checkpoint) }
    if (json.leaf !== undefined) return { leaf: leafOf(record(json.leaf)) }
  } catch (cause) {
    throw strange(number, cause)
  }
  throw strange(number)
}

/** What is answered to line `number`, counted from 1, that is none of a log. */
export const strange = (number: number, cause?: unknown) =>
  new MeshError('integrity', `audit: line ${number} is no line of an audit log`, {
    facts: { line: number },
    ...(cause === undefined ? {} : { cause }),
  })

function leafOf(json: Record<string, unknown>): ShownLeaf {
  const place = { index: number(json.index), hash: bytes(json.hash) }
  if (json.pruned === true || json.hidden === true)
    return { ...place, body: null, pruned: json.pruned === true }
  const type = string(json.type)
  const fields =
    typeof json.fields === 'string' || !isLeafType(type)
      ? bytes(json.fields)
      : fieldBytes(type, record(json.fields))
  return { ...place, body: { at: number(json.at), salt: bytes(json.salt), type, fields }, pruned: false }
}

function fieldBytes(type: LeafType, named: Record<string, unknown>): Uint8Array {
  const fields: Field[] = []
  const forms = Object.entries<string>(LEAF_FIELDS[type])
  if (Object.keys(named).length !== forms.length) throw new TypeError('other fields')
  for (const [name, form] of forms) {
    const value = named[name]
    if (form === 'number') fields.push(number(value))
    else if (form === 'text') fields.push(string(value))
    else if (form === 'bytes') fields.push(value === null ? null : bytes(value))
    else {
      const { member, session } = record(value)
      fields.push(bytes(member), session === null ? null : bytes(session))
    }
  }
  return encodeFields(fields)
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('an object expected')
  return value as Record<string, unknown>
}
function string(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('text expected')
  return value
}
function number(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new TypeError('a number expected')
  return value as number
}
/** A million leaves are read in seconds: what is not canonical gives other bytes, and those another hash. */
const bytes = (value: unknown): Uint8Array => new Uint8Array(Buffer.from(string(value), 'base64url'))
