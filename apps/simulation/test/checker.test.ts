import { expect, test } from 'vitest'
import { check } from '../src/checker.ts'
import type { Ending, History, HistoryEvent } from '../src/history.ts'

const [alice, bob] = ['alice/', 'bob/']
const quiet: Ending = {
  outbox: [],
  inbox: [],
  heads: { alice: 'a1', bob: 'a1', broker: 'a1' },
  leases: [],
  auditFault: null,
  queued: 0,
  offline: [],
}

const sent = (msg: string): HistoryEvent => ({ type: 'sent', from: alice, to: [bob], msg, ttlMs: 60_000 })
const stored = (msg: string): HistoryEvent => ({ type: 'stored', to: bob, from: alice, msg })
const released = (msg: string, late = false): HistoryEvent => ({
  type: 'released',
  to: bob,
  from: alice,
  msg,
  late,
})
const told = (msg: string, state: string): HistoryEvent => ({
  type: 'told',
  from: alice,
  to: bob,
  msg,
  state,
  why: null,
})
const deliver = (seq: number): HistoryEvent => ({
  type: 'deliver',
  to: bob,
  attachment: 1,
  seq,
  id: `i${seq}`,
})
const acked = (upTo: number): HistoryEvent => ({ type: 'acked', to: bob, attachment: 1, upTo })

/** Ends of one message from alice to bob. */
const ended = (msg: string, state: string, here: boolean): Partial<Ending> => ({
  outbox: [{ from: alice, to: bob, msg, state, endsAt: 0 }],
  inbox: here ? [{ to: bob, from: alice, msg, released: true }] : [],
})

const history = (events: HistoryEvent[], ending: Partial<Ending> = {}): History => ({
  events: events.map((event, at) => ({ ...event, at })),
  ending: { ...quiet, ...ending },
})
const found = (...given: Parameters<typeof history>) => check(history(...given)).map(({ promise }) => promise)

test('a message that was sent, taken, stored, released, shown and told of in this order breaks nothing', () => {
  const events: HistoryEvent[] = [
    sent('a'),
    { type: 'committed', id: 'i1', seq: 1 },
    { type: 'accepted', id: 'i1', seq: 1 },
    deliver(1),
    stored('a'),
    released('a'),
    acked(1),
    told('a', 'delivered'),
    { type: 'shown', to: bob, msg: 'a' },
    told('a', 'surfaced'),
  ]
  expect(found(events, ended('a', 'surfaced', true))).toEqual([])
})

test('a word before what it says is a false word', () => {
  expect(found([{ type: 'accepted', id: 'i1', seq: 1 }])).toEqual(['false-word'])
  expect(
    found([
      { type: 'committed', id: 'i1', seq: 2 },
      { type: 'accepted', id: 'i1', seq: 1 },
    ]),
  ).toEqual(['false-word'])
  expect(found([sent('a'), told('a', 'delivered'), stored('a')], ended('a', 'delivered', true))).toEqual([
    'false-word',
  ])
  expect(found([sent('a'), stored('a'), told('a', 'surfaced')], ended('a', 'surfaced', true))).toEqual([
    'false-word',
  ])
  expect(found([deliver(1), acked(2)])).toEqual(['false-word'])
})

test('what its sender believes to be there and is not, or waits for without end, is lost', () => {
  expect(found([sent('a')], ended('a', 'delivered', false))).toEqual(['loss'])
  expect(found([sent('a')], ended('a', 'accepted', false))).toEqual(['loss'])
  expect(found([sent('a')], ended('a', 'failed', false))).toEqual(['loss'])
  expect(found([sent('a')])).toEqual(['loss'])
  expect(found([sent('a')], ended('a', 'expired', false))).toEqual([])
})

test('a member that was removed is owed nothing', () => {
  expect(found([sent('a'), { type: 'removed', member: 'bob' }], ended('a', 'accepted', false))).toEqual([])
})

test('what came twice is a duplicate', () => {
  expect(found([sent('a'), released('a'), released('a', true)], ended('a', 'delivered', true))).toEqual([
    'duplicate',
  ])
})

test('what came behind a later one is out of order, unless it is marked late', () => {
  const outcome = (late: boolean) =>
    found([sent('a'), sent('b'), released('b'), released('a', late)], {
      outbox: ['a', 'b'].map(msg => ({ from: alice, to: bob, msg, state: 'delivered', endsAt: 0 })),
      inbox: ['a', 'b'].map(msg => ({ to: bob, from: alice, msg, released: true })),
    })
  expect(outcome(false)).toEqual(['order'])
  expect(outcome(true)).toEqual([])
})

test('what is handed out anew on an attachment rises; what was handed out before may come again', () => {
  expect(found([deliver(2), deliver(1)])).toEqual(['order'])
  expect(found([deliver(1), deliver(2), deliver(1), deliver(2)])).toEqual([])
})

test('two who hold different things are two truths', () => {
  expect(found([sent('a')], ended('a', 'expired', true))).toEqual(['two-truths'])
  expect(found([released('x')])).toEqual(['two-truths'])
  expect(found([], { heads: { alice: 'a1', broker: 'b2' } })).toEqual(['two-truths'])
  expect(found([], { leases: [{ seenBy: 'a', session: 's', lease: 'away', is: 'online' }] })).toEqual([
    'two-truths',
  ])
  expect(found([], { auditFault: 'edited' })).toEqual(['two-truths'])
})

test('what does not end when all is well again is stuck', () => {
  expect(found([sent('a')], ended('a', 'accepted', true))).toEqual(['stuck'])
  expect(found([], { queued: 1 })).toEqual(['stuck'])
  expect(found([], { offline: ['bob is offline'] })).toEqual(['stuck'])
})

test('a part that broke is a fault', () => {
  expect(found([{ type: 'broke', what: 'sweep.failed' }])).toEqual(['fault'])
})
