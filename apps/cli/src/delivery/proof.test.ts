import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { provenByHook, provenByTranscript } from './proof.ts'
import { follow, openSeat, type Seat } from './seat.ts'

const uuid = '11111111-2222-4333-8444-555555555555'
const id = '019a0000-0000-7000-8000-000000000001'
const pushed = `== message ${id} from "alice"\n| hi\n== end`
const hook = (event: string, more: object = {}) => ({ session_id: uuid, hook_event_name: event, ...more })
const noUnknown = (): void => {}

let seat: Seat
beforeEach(() => {
  seat = openSeat({ uuid, claudeId: uuid, configDir: '/nowhere', openedAt: 0 })
  seat.flights = [{ ids: [id], via: 'socket', since: 0, taken: false, latestPrompt: false }]
})

describe('hooks prove a push', () => {
  test('by the prompt that held it and the Stop of the same turn', () => {
    expect(provenByHook(seat, hook('UserPromptSubmit', { prompt: pushed }))).toBeUndefined()
    expect(seat.flights[0]?.taken).toBe(true)
    expect(provenByHook(seat, hook('PostToolUse'))).toBeUndefined()
    expect(provenByHook(seat, hook('Stop'))).toEqual({ ids: [id], proof: 'hook' })
    expect(seat.flights).toEqual([])
  })

  test('not by a Stop alone, nor after another prompt, nor by a subagent', () => {
    expect(provenByHook(seat, hook('Stop'))).toBeUndefined()
    provenByHook(seat, hook('UserPromptSubmit', { prompt: pushed, agent_id: 'a1' }))
    expect(provenByHook(seat, hook('Stop'))).toBeUndefined()
    provenByHook(seat, hook('UserPromptSubmit', { prompt: pushed }))
    expect(provenByHook(seat, hook('Stop', { agent_id: 'a1' }))).toBeUndefined()
    provenByHook(seat, hook('UserPromptSubmit', { prompt: 'typed after an interrupt' }))
    expect(provenByHook(seat, hook('Stop'))).toBeUndefined()
  })

  test('not by the id in words of a peer or person: only our own framing counts', () => {
    for (const prompt of [id, `| == message ${id} from "x"`, `see == message ${id} from`])
      provenByHook(seat, hook('UserPromptSubmit', { prompt }))
    expect(provenByHook(seat, hook('Stop'))).toBeUndefined()
  })

  test('not for what a hook offered as context: only the transcript shows that it arrived', () => {
    seat.flights = [{ ids: [id], via: 'hook', since: 0, taken: false, latestPrompt: false }]
    provenByHook(seat, hook('UserPromptSubmit', { prompt: pushed }))
    expect(provenByHook(seat, hook('Stop'))).toBeUndefined()
  })
})

describe('the transcript proves', () => {
  let dir = ''
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'cm-proof-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))
  const line = (record: object): string => `${JSON.stringify(record)}\n`
  const answer = line({ type: 'assistant', message: { content: [] } })

  test.each([
    [
      'a push into an idle session',
      { type: 'user', origin: { kind: 'peer' }, message: { content: `Another:\n${pushed}` } },
    ],
    [
      'a push into a busy one',
      {
        type: 'attachment',
        attachment: { type: 'queued_command', origin: { kind: 'peer' }, prompt: pushed },
      },
    ],
    [
      'hook context',
      { type: 'attachment', attachment: { type: 'hook_additional_context', content: [pushed] } },
    ],
  ])('%s once the model has answered', (_, record) => {
    const path = join(dir, `${uuid}.jsonl`)
    writeFileSync(path, answer)
    follow(seat, hook('SessionStart', { transcript_path: path }), 0)
    appendFileSync(path, line(record))
    expect(provenByTranscript(seat, noUnknown)).toBeUndefined()
    expect(seat.flights[0]?.taken).toBe(true)
    appendFileSync(path, answer)
    expect(provenByTranscript(seat, noUnknown)).toEqual({ ids: [id], proof: 'transcript' })
  })
})

describe('a seat', () => {
  test('follows /clear, forgetting what was under way in the old conversation', () => {
    const next = uuid.replace('1', '9')
    expect(follow(seat, { session_id: next, hook_event_name: 'SessionStart', source: 'clear' }, 0)).toBe(true)
    expect(seat).toMatchObject({ claudeId: next, flights: [], away: false })
  })

  test('is away while its process is in another conversation', () => {
    const other = { session_id: uuid.replace('1', '9'), hook_event_name: 'SessionStart', source: 'resume' }
    expect(follow(seat, other, 0)).toBe(false)
    expect(seat.away).toBe(true)
    expect(follow(seat, { ...other, hook_event_name: 'Stop' }, 0)).toBe(false)
    expect(follow(seat, { ...other, session_id: uuid }, 0)).toBe(true)
    expect(seat.away).toBe(false)
  })
})
