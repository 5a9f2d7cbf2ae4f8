/** What a transcript tells of its session's turn, where Claude's sessions file is missing: it is written as the turn goes. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { z } from 'zod'

const block = z.looseObject({ type: z.string(), text: z.string().optional() })
const record = z.looseObject({
  type: z.string(),
  subtype: z.string().optional(),
  timestamp: z.string().optional(),
  isSidechain: z.boolean().optional(),
  isApiErrorMessage: z.boolean().optional(),
  message: z
    .looseObject({
      content: z.union([z.string(), z.array(block)]).optional(),
      stop_reason: z.string().nullish(),
    })
    .optional(),
})
type Record = z.output<typeof record>

export interface TranscriptStatus {
  readonly status: 'idle' | 'working'
  /** When the record that says so was written, ms since 1970. */
  readonly at: number
  /** When the transcript last grew, ms since 1970. */
  readonly grewAt: number
  /** Its size then, bytes. */
  readonly size: number
}

/** The end of a transcript that is looked at: a record may hold a tool's whole output. */
const TAIL_BYTES = 256 * 1024

/**
 * By the last record that says anything of the turn; `undefined` where there is none, or no file. `before`: what was read of
 * the same file last, which is the answer while it has not grown.
 */
export function transcriptStatus(path: string, before?: TranscriptStatus): TranscriptStatus | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return undefined
  }
  try {
    const { size, mtimeMs } = fstatSync(file)
    if (size === before?.size) return before
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES))
    const read = readSync(file, tail, 0, tail.length, size - tail.length)
    const lines = tail.toString('utf8', 0, read).split('\n').toReversed()
    for (const line of lines) {
      const said = turnOf(line)
      if (said !== undefined) return { ...said, grewAt: Math.floor(mtimeMs), size }
    }
    return undefined
  } catch {
    return undefined
  } finally {
    closeSync(file)
  }
}

function turnOf(line: string): { status: 'idle' | 'working'; at: number } | undefined {
  const parsed = parse(line)
  const at = Date.parse(parsed?.timestamp ?? '')
  const status = parsed === undefined || parsed.isSidechain ? undefined : statusOf(parsed)
  return status === undefined || Number.isNaN(at) ? undefined : { status, at }
}

function statusOf(r: Record): 'idle' | 'working' | undefined {
  if (r.type === 'system')
    return r.subtype === 'turn_duration' || r.subtype === 'stop_hook_summary' ? 'idle' : undefined
  if (r.type === 'assistant')
    return r.isApiErrorMessage || (r.message?.stop_reason ?? 'tool_use') !== 'tool_use' ? 'idle' : 'working'
  if (r.type !== 'user') return undefined
  return textsOf(r).some(text => text.startsWith(INTERRUPTED)) ? 'idle' : 'working'
}

/** Written on Esc and on a denied permission: no hook tells of either. */
const INTERRUPTED = '[Request interrupted by user'

function textsOf({ message }: Record): string[] {
  const content = message?.content ?? []
  return typeof content === 'string' ? [content] : content.flatMap(({ text }) => text ?? [])
}

function parse(line: string): Record | undefined {
  try {
    return record.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}
