import { generateSigner } from '@claudemesh/crypto'
import { type DeliveredEnvelope, type EnvelopeHeader, TIMES } from '@claudemesh/protocol'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { waitOn } from '../src/housekeeping.ts'
import { placeEarly } from '../src/inbox/store-message.ts'
import {
  answers,
  compose,
  deliver,
  forSide,
  type Offline,
  offline,
  type Side,
  seal,
  shown,
} from './offline.ts'

let world: Offline
let alice: Side
let bob: Side
let carol: Side
beforeEach(async () => {
  world = await offline(3)
  ;[alice, bob, carol] = world.sides as [Side, Side, Side]
})

const flip = (bytes: Uint8Array, at = 0): Uint8Array => {
  const changed = bytes.slice()
  changed[at]! ^= 1
  return changed
}
const withHeader = (one: DeliveredEnvelope, header: Partial<EnvelopeHeader>): DeliveredEnvelope => ({
  ...one,
  header: { ...one.header, ...header },
})
type Change = (one: DeliveredEnvelope) => DeliveredEnvelope

describe('what does not open is kept, acked, answered, and never shown', () => {
  const table: [reason: string, answer: string[], Change][] = [
    ['to', [], one => withHeader(one, { to: [{ ...one.header.to[0]!, recipient: carol.party.recipient }] })],
    [
      'prekey',
      ['stale-prekey'],
      one => withHeader(one, { to: [{ ...one.header.to[0]!, prekeyId: new Uint8Array(16) }] }),
    ],
    ['mesh', [], one => withHeader(one, { mesh: flip(one.header.mesh) })],
    ['member', [], one => withHeader(one, { from: { member: generateSigner().publicKey, session: null } })],
    ['slot', ['undecryptable'], one => ({ ...one, slot: flip(one.slot) })],
    ['box', ['undecryptable'], one => withHeader(one, { from: carol.party.recipient })],
    ['box', ['undecryptable'], one => withHeader(one, { nonce: flip(one.header.nonce) })],
    ['commit', ['undecryptable'], one => withHeader(one, { commit: flip(one.header.commit) })],
    ['body', ['undecryptable'], one => ({ ...one, body: flip(one.body, 40) })],
    ['body', ['undecryptable'], one => withHeader(one, { priority: 'now' })],
    ['body', ['undecryptable'], one => withHeader(one, { ttl: one.header.ttl + 1 })],
    ['header', ['undecryptable'], one => withHeader(one, { sentAt: one.header.sentAt + 1 })],
  ]
  for (const [i, [reason, answer, change]] of table.entries())
    test(`${reason} (${i}): ${answer[0] ?? 'nobody is told'}`, async () => {
      const sealed = seal(alice, [bob], compose(alice, [bob], 'hello'))
      await deliver(bob, change(forSide(sealed, bob)))
      expect(bob.store.inbox.unopened(bob.party.owner).map(row => row.reason)).toEqual([reason])
      expect(answers(bob)).toEqual(answer)
      expect(shown(bob)).toEqual([])
      expect(bob.acks).toHaveLength(1)
      await deliver(bob, forSide(sealed, bob))
      expect(shown(bob)).toEqual(['hello'])
    })

  test('an opener that never came, a message that came too late, a certificate that had run out', async () => {
    const msg = compose(alice, [bob], 'one')
    const first = seal(alice, [bob], msg)
    first.pairs.get(bob.party.key)!.known = true
    await deliver(bob, forSide(seal(alice, [bob], msg), bob))
    expect(answers(bob)).toEqual(['unknown-opener'])
    world.clock.now += 86_400_000 + TIMES.lateMs + 1
    await deliver(bob, forSide(first, bob))
    expect(bob.store.inbox.unopened(bob.party.owner).map(row => row.reason)).toEqual(['opener', 'time'])
    await deliver(carol, forSide(seal(alice, [carol], compose(alice, [carol], 'old certificate')), carol))
    expect(carol.store.inbox.unopened(carol.party.owner).map(row => row.reason)).toEqual(['certificate'])
    expect([...shown(bob), ...shown(carol)]).toEqual([])
  })
})

test('what does not open in one go is answered at once and together, what comes later when its time has come', async () => {
  const foreign = () => {
    const one = forSide(seal(alice, [bob], compose(alice, [bob], 'hello')), bob)
    return withHeader(one, { to: [{ ...one.header.to[0]!, prekeyId: new Uint8Array(16) }] })
  }
  const due = () => bob.store.receipts.due(bob.party.owner, world.clock.now, 9).length
  await deliver(bob, foreign(), foreign())
  expect(due()).toBe(2)
  expect(bob.timers).toEqual([])
  world.clock.now += 1000
  await deliver(bob, foreign(), foreign())
  expect(due()).toBe(2)
  expect(bob.timers.map(({ ms }) => ms)).toEqual([5000])
  // By a clock that was set back meanwhile it is not time yet.
  world.clock.now += 4000
  bob.timers.shift()!.work()
  expect(bob.timers.map(({ ms }) => ms)).toEqual([1000])
  expect(bob.flushed()).toBe(0)
  world.clock.now += 1000
  bob.timers.shift()!.work()
  expect([bob.flushed(), due(), bob.timers]).toEqual([1, 4, []])
  world.clock.now += 1
  await deliver(bob, foreign())
  expect(bob.timers).toHaveLength(1)
  bob.inbox.stop()
  expect(bob.timers).toEqual([])
})

test('a certificate that does not cover `sentAt` has one answer, whether or not it was checked before', async () => {
  await deliver(bob, forSide(seal(alice, [bob], compose(alice, [bob], 'in time')), bob))
  expect(answers(bob)).toEqual(['delivered'])
  world.clock.now += TIMES.certificateMs + 1
  const late = seal(alice, [bob, carol], compose(alice, [bob, carol], 'out of time'))
  await deliver(bob, forSide(late, bob))
  await deliver(carol, forSide(late, carol))
  expect(answers(bob)).toEqual(['delivered', 'undecryptable'])
  expect(answers(carol)).toEqual(['undecryptable'])
  for (const one of [bob, carol])
    expect(one.store.inbox.unopened(one.party.owner).map(row => row.reason)).toEqual(['certificate'])
})

test('what comes from a clock ahead is held, not destroyed, and shown when time has caught up', async () => {
  world.clock.now += 600_000
  const sealed = seal(alice, [bob], compose(alice, [bob], 'early'))
  world.clock.now -= 600_000
  await deliver(bob, forSide(sealed, bob))
  expect(shown(bob)).toEqual([])
  expect(answers(bob)).toEqual(['held clock'])
  world.clock.now += 600_000
  for (const row of bob.store.inbox.early(world.clock.now)) placeEarly(bob.core, row)
  expect(shown(bob)).toEqual(['early'])
  expect(answers(bob)).toEqual(['held clock', 'delivered'])
})

test('several sealings of one message show once, and each is told the last receipt', async () => {
  const msg = compose(alice, [bob], 'once')
  const [first, second] = [seal(alice, [bob], msg), seal(alice, [bob], msg)]
  await deliver(bob, forSide(first, bob), forSide(second, bob), forSide(first, bob))
  expect(shown(bob)).toEqual(['once'])
  const told = bob.store.receipts.due(bob.party.owner, world.clock.now, 10)
  expect(told.map(item => item.id)).toEqual([first.id, second.id, first.id])
  expect(new Set(told.map(item => item.msg))).toEqual(new Set([msg]))
})

test('any interleaving of lines, sealings and repeats shows every message once, each line in its order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 1_000 }), { minLength: 24, maxLength: 24 }), async weights => {
      const { sides } = await offline(3)
      const [a, b, c] = sides as [Side, Side, Side]
      const envelopes: DeliveredEnvelope[] = []
      for (const sender of [a, c])
        for (let i = 0; i < 4; i++) {
          const msg = compose(sender, [b], `${sender === a ? 'a' : 'c'}${i}`)
          const one = forSide(seal(sender, [b], msg), b)
          envelopes.push(one, one, forSide(seal(sender, [b], msg), b))
        }
      const order = envelopes
        .map((one, i) => ({ one, weight: weights[i]! }))
        .sort((x, y) => x.weight - y.weight)
      await deliver(b, ...order.map(({ one }) => one))
      const texts = shown(b)
      expect(texts.filter(text => text.startsWith('a'))).toEqual(['a0', 'a1', 'a2', 'a3'])
      expect(texts.filter(text => text.startsWith('c'))).toEqual(['c0', 'c1', 'c2', 'c3'])
    }),
    { numRuns: 15 },
  )
})

test('behind a gap mail waits for 60 s of connection, then shows with a warning; what was missing comes late', async () => {
  const sealed = ['one', 'two', 'three', 'four'].map(text =>
    forSide(seal(alice, [bob], compose(alice, [bob], text)), bob),
  )
  await deliver(bob, sealed[0]!, sealed[2]!, sealed[3]!)
  expect(shown(bob)).toEqual(['one'])
  expect(answers(bob)).toEqual(['delivered', 'delivered', 'delivered'])
  waitOn(bob.core, 30_000)
  expect(shown(bob)).toEqual(['one'])
  waitOn(bob.core, 30_000)
  expect(shown(bob)).toEqual(['one', 'three', 'four'])
  await deliver(bob, sealed[1]!)
  const rows = bob.store.inbox.list({ owner: bob.party.owner })
  expect(rows.map(row => `${row.gap ? 'gap' : ''}${row.late ? 'late' : ''}`)).toEqual(['', 'gap', '', 'late'])
})

test('of several gaps in a line each holds up for 60 s what came behind it, not one after the other', async () => {
  const texts = ['one', 'two', 'three', 'four', 'five', 'six', 'seven']
  const sealed = texts.map(text => forSide(seal(alice, [bob], compose(alice, [bob], text)), bob))
  const pass = (ms: number) => {
    world.clock.now += ms
    waitOn(bob.core, ms)
  }
  await deliver(bob, sealed[0]!, sealed[2]!)
  pass(20_000)
  await deliver(bob, sealed[4]!, sealed[6]!)
  pass(30_000)
  expect(shown(bob)).toEqual(['one'])
  pass(10_000)
  expect(shown(bob)).toEqual(['one', 'three'])
  pass(10_000)
  expect(shown(bob)).toEqual(['one', 'three'])
  pass(10_000)
  expect(shown(bob)).toEqual(['one', 'three', 'five', 'seven'])
})

test('a gap that closes leaves what waits behind the next one the time it has waited', async () => {
  const texts = ['one', 'two', 'three', 'four', 'five']
  const sealed = texts.map(text => forSide(seal(alice, [bob], compose(alice, [bob], text)), bob))
  await deliver(bob, sealed[0]!, sealed[2]!, sealed[4]!)
  waitOn(bob.core, 50_000)
  await deliver(bob, sealed[1]!)
  expect(shown(bob)).toEqual(['one', 'two', 'three'])
  waitOn(bob.core, 10_000)
  expect(shown(bob)).toEqual(['one', 'two', 'three', 'five'])
})
