import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { startedChildSince, transcriptStatus } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cm-turn-'))
const path = join(folder, 'transcript.jsonl')
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => writeFileSync(path, ''))

/** Shapes as recorded with 2.1.329; `n` is the second of its time. */
const at = (n: number) => ({ timestamp: new Date(n * 1000).toISOString() })
const RECORDS = {
  prompt: (n: number) => ({ type: 'user', ...at(n), message: { role: 'user', content: 'hello' } }),
  tool: (n: number) => ({
    type: 'assistant',
    ...at(n),
    message: { stop_reason: 'tool_use', content: [{ type: 'tool_use', id: 't', name: 'Bash', input: {} }] },
  }),
  result: (n: number) => ({
    type: 'user',
    ...at(n),
    message: { content: [{ type: 'tool_result', tool_use_id: 't', content: 'hi', is_error: false }] },
  }),
  answer: (n: number) => ({
    type: 'assistant',
    ...at(n),
    message: { stop_reason: 'end_turn', content: [{ type: 'text', text: 'done' }] },
  }),
  apiError: (n: number) => ({
    type: 'assistant',
    ...at(n),
    isApiErrorMessage: true,
    message: { stop_reason: 'stop_sequence', content: [{ type: 'text', text: 'API Error: 400' }] },
  }),
  interrupted: (n: number) => ({
    type: 'user',
    ...at(n),
    message: { content: [{ type: 'text', text: '[Request interrupted by user for tool use]' }] },
  }),
  duration: (n: number) => ({ type: 'system', subtype: 'turn_duration', ...at(n) }),
  sidechain: (n: number) => ({ ...RECORDS.tool(n), isSidechain: true }),
  bookkeeping: (n: number) => ({ type: 'file-history-snapshot', ...at(n) }),
}
const write = (...records: object[]) =>
  appendFileSync(path, records.map(each => `${JSON.stringify(each)}\n`).join(''))

const { prompt, tool, result, answer, apiError, interrupted, duration, sidechain, bookkeeping } = RECORDS
test.each([
  ['a prompt', [prompt(1)], 'working', 1],
  ['a tool that runs', [prompt(1), tool(2)], 'working', 2],
  ['a tool that is over', [prompt(1), tool(2), result(3)], 'working', 3],
  ['the answer', [prompt(1), answer(2)], 'idle', 2],
  ['an API error', [prompt(1), apiError(2)], 'idle', 2],
  ['Esc, or a permission that was denied', [prompt(1), tool(2), result(3), interrupted(4)], 'idle', 4],
  ['the end of the turn', [prompt(1), answer(2), duration(3)], 'idle', 3],
  ['what a subagent writes', [prompt(1), answer(2), sidechain(3)], 'idle', 2],
  ['what says nothing of a turn', [prompt(1), bookkeeping(2), bookkeeping(3)], 'working', 1],
] as const)('the transcript tells the turn: %s', (_, records, status, second) => {
  write(...records)
  expect(transcriptStatus(path)).toMatchObject({ status, at: second * 1000 })
})

test('a record under way, garbage and a missing file are no evidence; what grew is read again', () => {
  expect(transcriptStatus(join(folder, 'none.jsonl'))).toBeUndefined()
  expect(transcriptStatus(path)).toBeUndefined()
  write(answer(5))
  appendFileSync(path, `{"type":"user","timesta`)
  const first = transcriptStatus(path)
  expect(first).toMatchObject({ status: 'idle', at: 5000 })
  expect(transcriptStatus(path, first)).toBe(first)
  appendFileSync(path, `\nnot json\n${JSON.stringify({ ...prompt(9), timestamp: 'soon' })}\n`)
  expect(transcriptStatus(path, first)).toMatchObject({ status: 'idle', at: 5000 })
  write(prompt(10))
  expect(transcriptStatus(path, first)).toMatchObject({ status: 'working', at: 10_000 })
})

test.runIf(process.platform === 'linux')(
  'a child started since shows that a tool runs; one from before, and one that ended, do not',
  async () => {
    const child = spawn('sleep', ['1000'])
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child, 'spawn')
    const now = Date.now()
    expect(startedChildSince(process.pid, now - 60_000)).toBe(true)
    expect(startedChildSince(process.pid, now + 60_000)).toBe(false)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(startedChildSince(2 ** 22 + 1, 0)).toBe(false)
  },
)
