/** What is taken for lost: by whom the session is run, what it tells of itself, and how long ago it was handed something. */
import type { RunningSession } from '@claudemesh/claude'
import { describe, expect, test } from 'vitest'
import { howLost } from './lost.ts'
import type { Flight, Seat } from './seat.ts'

const HANDED = 1_000_000
const flight: Flight = {
  ids: ['m'],
  via: 'socket',
  since: HANDED,
  pid: 7,
  taken: false,
  latestPrompt: false,
}
const seat: Pick<Seat, 'missed' | 'seen' | 'stoppedAt'> = { missed: 0, seen: true, stoppedAt: undefined }
const running = (tells: Partial<RunningSession> = {}) =>
  ({ pid: 7, sessionId: 's', messagingSocketPath: '/s', ...tells }) as RunningSession
/** The first second, counted from when it was handed over, in which it is lost; `undefined`: not within an hour. */
const lostAfter = (from: Partial<typeof seat>, tells: Partial<RunningSession>, of: Partial<Flight> = {}) =>
  Array.from({ length: 3600 }, (_, s) => s).find(
    s => howLost({ ...seat, ...from }, { ...flight, ...of }, running(tells), HANDED + s * 1000) !== undefined,
  )

describe('a push that nobody takes is lost', () => {
  test.each<[string, Partial<typeof seat>, Partial<RunningSession>, number | undefined]>([
    ['in an idle session', {}, { status: 'idle' }, 10],
    ['in one idle since then', {}, { status: 'idle', statusUpdatedAt: HANDED + 5000 }, 15],
    ['in a busy one, never', {}, { status: 'busy' }, undefined],
    ['in one that asks its user something, never', {}, { status: 'waiting' }, undefined],
    ['in one that tells nothing of itself', {}, {}, 60],
    ['in such a one whose turn was over before', { stoppedAt: HANDED - 1000 }, {}, 30],
    ['in such a one whose turn was over later', { stoppedAt: HANDED + 7000 }, {}, 37],
  ])('%s', (_, from, tells, seconds) => {
    expect(lostAfter(from, tells)).toBe(seconds)
  })

  test('unless it was taken, or waits for a hook', () => {
    expect(lostAfter({}, { status: 'idle' }, { taken: true })).toBeUndefined()
    expect(lostAfter({}, { status: 'idle' }, { via: 'hook' })).toBeUndefined()
  })
})

test('what a process had that is gone is lost at once, taken or not', () => {
  const taken = { ...flight, taken: true }
  expect(howLost(seat, taken, running({ pid: 8 }), HANDED)).toBe('dead')
  expect(howLost({ ...seat, missed: 1 }, taken, undefined, HANDED)).toBeUndefined()
  expect(howLost({ ...seat, missed: 2 }, taken, undefined, HANDED)).toBe('dead')
})

test('what a conversation took in an earlier life is lost once a process that started later goes on with it', () => {
  const before = { ...flight, pid: undefined, taken: true, givenAt: HANDED }
  const by = (startedAt: number | undefined) =>
    howLost(seat, before, running({ startedAt }), HANDED + 3_600_000)
  expect([HANDED - 1, HANDED + 1, undefined].map(by)).toEqual([undefined, 'dead', undefined])
  expect(
    howLost(seat, { ...before, givenAt: undefined }, running({ startedAt: HANDED + 1 }), HANDED),
  ).toBeUndefined()
})
