/** Reads a session's transcript as far as it proves that a text stood in the model's context. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { parseAs } from '@claudemesh/protocol'
import { z } from 'zod'
import type { OnUnknown } from './sessions-file.ts'

const block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  /** Of a `tool_use`. */
  id: z.string().optional(),
  name: z.string().optional(),
  /** Of a `tool_result`: what it answers, and its text or blocks of it. */
  tool_use_id: z.string().optional(),
  content: z.unknown().optional(),
})
const content = z.union([z.string(), z.array(block)])
const record = z.looseObject({
  type: z.string(),
  /** A hint: nothing is refused for want of it. */
  timestamp: z.string().optional().catch(undefined),
  isSidechain: z.boolean().optional(),
  isApiErrorMessage: z.boolean().optional(),
  origin: z.looseObject({ kind: z.string() }).optional(),
  message: z.looseObject({ content: content.optional() }).optional(),
  attachment: z
    .looseObject({
      type: z.string(),
      prompt: content.optional(),
      content: z.unknown().optional(),
      origin: z.looseObject({ kind: z.string() }).optional(),
    })
    .optional(),
})
type Record = z.output<typeof record>

/** Prompts that no person typed: of the messaging socket, of an asyncRewake hook. */
const FROM_OUTSIDE: readonly (string | undefined)[] = ['peer', 'task-notification']

/**
 * A record puts texts before the model: pushed while idle (`user` of a peer), by a hook that wakes (a task notification), pushed
 * while busy (`queued_command`), given by a hook, or as the result of our inbox tool. Not yet a proof: the request may fail.
 */
function textsGiven(r: Record, inboxCalls: ReadonlySet<string>): string[] {
  if (r.isSidechain) return []
  if (r.type === 'user' && FROM_OUTSIDE.includes(r.origin?.kind)) return textsOf(r.message?.content)
  if (r.type === 'user') return resultsOf(r.message?.content, inboxCalls)
  const attachment = r.type === 'attachment' ? r.attachment : undefined
  if (attachment?.type === 'queued_command' && FROM_OUTSIDE.includes(attachment.origin?.kind))
    return textsOf(attachment.prompt)
  if (attachment?.type === 'hook_additional_context') return stringsOf(attachment.content)
  return []
}

/** The model answered: what was given before stood in its context. */
const isAnswer = (r: Record): boolean => r.type === 'assistant' && !r.isSidechain && !r.isApiErrorMessage

const textsOf = (c: z.output<typeof content> | undefined): string[] =>
  typeof c === 'string' ? [c] : (c ?? []).flatMap(b => (b.text === undefined ? [] : [b.text]))

function timeOf({ timestamp = '' }: Record): number | undefined {
  const at = Date.parse(timestamp)
  return Number.isNaN(at) ? undefined : at
}

/** As plugin or as server of the user's settings: `mcp__<server>__mesh_inbox`. */
const INBOX_TOOL = /^mcp__[\w-]+__mesh_inbox$/

const inboxCallsOf = (r: Record): string[] => {
  const blocks = r.type === 'assistant' ? (r.message?.content ?? []) : []
  return typeof blocks === 'string'
    ? []
    : blocks.flatMap(({ id, name }) => (id !== undefined && INBOX_TOOL.test(name ?? '') ? [id] : []))
}

const resultsOf = (c: z.output<typeof content> | undefined, calls: ReadonlySet<string>): string[] =>
  (typeof c === 'string' ? [] : (c ?? [])).flatMap(({ type, tool_use_id: call = '', content: result }) => {
    if (type !== 'tool_result' || !calls.has(call)) return []
    const parts = parseAs(content, result)
    return parts.success ? textsOf(parts.data) : []
  })

const stringsOf = (value: unknown): string[] =>
  typeof value === 'string' ? [value] : Array.isArray(value) ? value.filter(v => typeof v === 'string') : []

/** A text that was put before the model. */
interface GivenText {
  readonly text: string
  /** When it was written down, ms since 1970; `undefined` where the record does not say. */
  readonly at: number | undefined
}

/** Where a reader of one transcript stands. */
export interface TranscriptCursor {
  readonly path: string
  /** Bytes read so far. */
  offset: number
  /** Texts given and not yet answered. */
  given: GivenText[]
  /** Calls of our inbox tool that were seen. */
  readonly calls: Set<string>
}

/** Bytes looked at in one go; of a transcript that grew by more, the end is what matters. */
const MOST_AT_ONCE = 64 << 20

/** Reads all of it. */
export const cursorAtStart = (path: string): TranscriptCursor => ({
  path,
  offset: 0,
  given: [],
  calls: new Set(),
})

/** Starts at the transcript's present end: what stands there already proves nothing about what is pushed later. */
export function cursorAtEnd(path: string): TranscriptCursor {
  return { ...cursorAtStart(path), offset: sizeOf(path) }
}

/** Texts that have since stood in the model's context and are `wanted`, in order. Moves the cursor over whole lines only. */
export function readSurfaced(
  cursor: TranscriptCursor,
  onUnknown: OnUnknown,
  wanted: (text: string) => boolean = () => true,
): string[] {
  const surfaced: string[] = []
  for (const line of newLines(cursor)) {
    const parsed = parseLine(line)
    if (parsed === undefined) {
      onUnknown('transcript-record')
      continue
    }
    const at = timeOf(parsed)
    for (const text of textsGiven(parsed, cursor.calls)) if (wanted(text)) cursor.given.push({ text, at })
    for (const call of inboxCallsOf(parsed)) cursor.calls.add(call)
    if (isAnswer(parsed)) surfaced.push(...cursor.given.splice(0).map(({ text }) => text))
  }
  return surfaced
}

function parseLine(line: string): Record | undefined {
  try {
    return record.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

function newLines(cursor: TranscriptCursor): string[] {
  let file: number
  try {
    file = openSync(cursor.path, 'r')
  } catch {
    return []
  }
  try {
    const { size } = fstatSync(file)
    if (size < cursor.offset) cursor.offset = 0
    cursor.offset = Math.max(cursor.offset, size - MOST_AT_ONCE)
    const chunk = Buffer.alloc(size - cursor.offset)
    const read = readSync(file, chunk, 0, chunk.length, cursor.offset)
    const whole = chunk.subarray(0, chunk.subarray(0, read).lastIndexOf(0x0a) + 1)
    cursor.offset += whole.length
    return whole
      .toString('utf8')
      .split('\n')
      .filter(line => line !== '')
  } finally {
    closeSync(file)
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}
