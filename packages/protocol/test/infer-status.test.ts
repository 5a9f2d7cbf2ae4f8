import { describe, expect, test } from 'vitest'
import { type InferredStatus, inferStatus, type StatusEvidence } from '../src/index.ts'

/** Seconds, as ms since 1970. */
const s = (seconds: number) => 1_000_000 + seconds * 1000
const file = (status: 'idle' | 'working' | 'waiting', at: number, seenAt: number) => ({
  sessionsFile: { status, at: s(at), seenAt: s(seenAt) },
})
const said = (status: 'idle' | 'working' | 'waiting' | 'dnd', at: number) => ({ status, at: s(at) })

const TABLE: [why: string, evidence: StatusEvidence, now: number, expected: Partial<InferredStatus>][] = [
  ['nothing is known', {}, 0, { status: 'unknown', source: 'daemon', at: 0 }],
  [
    'dnd by hand beats what is newer',
    { manual: said('dnd', 1), ...file('working', 50, 60) },
    60,
    { status: 'dnd', source: 'manual', at: s(1) },
  ],
  [
    'idle by hand is one word among others',
    { manual: said('idle', 1), hook: said('working', 2) },
    3,
    { status: 'working', source: 'hook' },
  ],
  [
    'a word by hand that is newer',
    { manual: said('working', 5), hook: said('idle', 2) },
    6,
    { status: 'working', source: 'manual' },
  ],
  [
    'working by hand does not wear out',
    { manual: said('working', 0) },
    10_000,
    { status: 'working', source: 'manual' },
  ],
  [
    'a turn of ten minutes',
    file('working', 0, 599),
    600,
    { status: 'working', source: 'sessions-file', at: s(0) },
  ],
  [
    'an interrupt: no Stop hook, the file says idle',
    { hook: said('working', 10), ...file('idle', 12, 13) },
    13,
    { status: 'idle', source: 'sessions-file', at: s(12) },
  ],
  [
    'an interrupt without a sessions file: the transcript says so',
    { hook: said('working', 10), transcript: said('idle', 12) },
    13,
    { status: 'idle', source: 'transcript' },
  ],
  [
    'a dialog',
    { hook: said('working', 10), ...file('waiting', 11, 12) },
    12,
    { status: 'waiting', source: 'sessions-file' },
  ],
  [
    'a hook that is newer than the file',
    { hook: said('working', 10), ...file('idle', 9, 10) },
    10,
    { status: 'working', source: 'hook' },
  ],
  [
    'a file that was not read for over 2 s does not hold up a fresh hook',
    { hook: said('idle', 10), ...file('working', 11, 11) },
    14,
    { status: 'idle', source: 'hook' },
  ],
  [
    'a hook over 30 s old stands behind the transcript',
    { hook: said('working', 10), transcript: said('idle', 9) },
    41,
    { status: 'idle', source: 'transcript' },
  ],
  [
    'a hook of 30 s still goes before it',
    { hook: said('working', 10), transcript: said('idle', 9) },
    40,
    { status: 'working', source: 'hook' },
  ],
  [
    'an old hook alone still counts',
    { hook: said('waiting', 10) },
    500,
    { status: 'waiting', source: 'hook' },
  ],
  [
    'working by a hook alone ends after 60 s',
    { hook: said('working', 10) },
    71,
    { status: 'idle', source: 'hook', at: s(70) },
  ],
  ['and not before', { hook: said('working', 10) }, 70, { status: 'working', at: s(10) }],
  [
    'a growing transcript keeps it up',
    { hook: said('working', 10), runningAt: s(100) },
    150,
    { status: 'working' },
  ],
  [
    'and no longer than 60 s after it last grew',
    { hook: said('working', 10), runningAt: s(100) },
    161,
    { status: 'idle', at: s(160) },
  ],
  [
    'a laptop that slept: a file that is read again says what is so now',
    { hook: said('working', 10), ...file('idle', 20, 4000) },
    4000,
    { status: 'idle', source: 'sessions-file' },
  ],
  ['a laptop that slept in a turn that still runs', file('working', 10, 4000), 4001, { status: 'working' }],
  [
    'the folder of sessions files is gone while a turn ran',
    file('working', 10, 20),
    90,
    { status: 'idle', at: s(70) },
  ],
  [
    'two words of the same time: the file goes first',
    { hook: said('working', 10), ...file('waiting', 10, 10) },
    10,
    { status: 'waiting' },
  ],
]

describe('inferStatus', () => {
  test.each(TABLE)('%s', (_, evidence, now, expected) => {
    expect(inferStatus(evidence, s(now))).toMatchObject(expected)
  })

  test('the windows are settings', () => {
    const evidence = { hook: said('working', 0), transcript: said('idle', -1) }
    const limits = { fileFreshMs: 2000, hookFreshMs: 5000, workingTtlMs: 10_000 }
    expect(inferStatus(evidence, s(6), limits).status).toBe('idle')
    expect(inferStatus({ hook: said('working', 0) }, s(9), limits).status).toBe('working')
    expect(inferStatus({ hook: said('working', 0) }, s(11), limits).status).toBe('idle')
  })
})
