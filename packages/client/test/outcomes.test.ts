import { generateSigner, signFact, signReceipt, signRosterEntry, uuidBytes } from '@claudemesh/crypto'
import {
  type AcceptedResult,
  type ErrorCode,
  type Fact,
  type FactKind,
  type Receipt,
  type ReceiptState,
  receipt as receiptSchema,
} from '@claudemesh/protocol'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { applyResult } from '../src/outbox/answered.ts'
import { endMessages } from '../src/outbox/end.ts'
import type { Sealed } from '../src/outbox/seal.ts'
import { traceMessage } from '../src/outbox/view.ts'
import { compose, deliver, forSide, type Offline, offline, type Side, seal } from './offline.ts'

let world: Offline
let alice: Side
let bob: Side
let carol: Side
beforeEach(async () => {
  world = await offline(3)
  ;[alice, bob, carol] = world.sides as [Side, Side, Side]
})

const stateOf = (msg: string, who: Side = bob): string =>
  alice.store.outbox.recipient(msg, who.party.key)!.state
const result = (sealed: Sealed, error: ErrorCode | null = null, at = world.clock.now): AcceptedResult => ({
  id: uuidBytes(sealed.id),
  error,
  seq: 1,
  auditIndex: 1,
  at,
  recipients: error === null ? sealed.to.map(() => 'queued' as const) : [],
})
const answer = (sealed: Sealed, error: ErrorCode | null = null, at = world.clock.now) =>
  alice.core.commit.run(() => applyResult(alice.core, result(sealed, error, at)))

const fact = (sealed: Sealed, kind: FactKind, key = world.brokerKey, to: Side = bob): Fact =>
  signFact(
    {
      mesh: alice.core.identity.mesh,
      kind,
      why: kind === 'expired' ? 'ttl' : 'removed',
      id: uuidBytes(sealed.id),
      from: alice.party.recipient,
      to: to.party.recipient,
      at: kind === 'expired' ? sealed.endsAt : world.clock.now,
    },
    key,
  )
/** Alice's queue at the end of the message: before it no fact says that it expired. */
async function atEnd(sealed: Sealed, ...facts: Fact[]): Promise<void> {
  const { now } = world.clock
  world.clock.now = sealed.endsAt
  await deliver(alice, ...facts)
  world.clock.now = now
}

/** A receipt in an envelope of its own, as its maker would seal it; `change` is applied before it is signed. */
async function tell(
  maker: Side,
  items: Receipt['items'],
  state: ReceiptState,
  change: (receipt: Omit<Receipt, 'signature'>) => Omit<Receipt, 'signature'> = one => one,
  signer = maker.party.signer,
  why = '',
): Promise<void> {
  const { now } = world.clock
  const plain = { mesh: alice.core.identity.mesh, from: maker.party.recipient, to: alice.party.recipient }
  const signed = signReceipt(change({ ...plain, state, why, items, at: now }), signer)
  const payload = z.encode(receiptSchema, signed)
  const msg = compose(maker, [alice], '', { kind: 'receipt', payload, ordered: false })
  await deliver(alice, forSide(seal(maker, [alice], msg), alice))
}

describe('a receipt', () => {
  test('of each kind moves the message forward only, and stands in the trace with who signed it', async () => {
    const msg = compose(alice, [bob], 'hello')
    const sealed = seal(alice, [bob], msg)
    answer(sealed)
    const items = [{ id: sealed.id, msg }]
    for (const [state, then] of [
      ['delivered', 'delivered'],
      ['held', 'held'],
      ['surfaced', 'surfaced'],
      ['delivered', 'surfaced'],
      ['answered', 'answered'],
      ['held', 'answered'],
    ] as const) {
      await tell(bob, items, state)
      expect(stateOf(msg)).toBe(then)
    }
    const signed = alice.store.trace.of(msg).filter(step => step.by === bob.party.key)
    expect(signed.map(step => step.state)).toEqual(['delivered', 'held', 'surfaced', 'answered'])
    expect(signed.every(step => step.verified)).toBe(true)
    expect(alice.store.outbox.message(msg)?.payload).toBe('')
  })

  test('comes behind what the broker answered, also where that was not written yet', async () => {
    const { group } = alice.core
    await group.aside(() => {})
    const msg = compose(alice, [bob], 'hello')
    const sealed = seal(alice, [bob], msg)
    const answered = group.aside(() => applyResult(alice.core, result(sealed)))
    await tell(bob, [{ id: sealed.id, msg }], 'delivered')
    expect(await answered).toBe('done')
    const steps = traceMessage(alice.core, msg).map(({ state }) => state)
    expect(steps).toEqual(['pending', 'accepted', 'delivered'])
  })

  test('says for what a message is held now, as often as is useful and no more', async () => {
    const msg = compose(alice, [bob], 'hello')
    const sealed = seal(alice, [bob], msg)
    answer(sealed)
    const items = [{ id: sealed.id, msg }]
    const held = (why: string) => tell(bob, items, 'held', one => one, bob.party.signer, why)
    for (const why of ['dnd', 'waiting for permission', 'waiting for permission', 'dnd']) await held(why)
    const steps = () => alice.store.trace.of(msg).filter(step => step.state === 'held')
    expect(steps().map(step => step.why)).toEqual(['dnd', 'waiting for permission', 'dnd'])
    for (let n = 0; n < 15; n++) await held(n % 2 ? 'mode' : 'dnd')
    expect(steps()).toHaveLength(16)
    await tell(bob, items, 'surfaced')
    expect(stateOf(msg)).toBe('surfaced')
  })

  test('by who did not stand in the sealing, for another msg, in the name of another, or with a foreign signature changes nothing', async () => {
    const msg = compose(alice, [bob], 'hello')
    const other = compose(alice, [carol], 'to carol')
    const sealed = seal(alice, [bob], msg)
    answer(sealed)
    answer(seal(alice, [carol], other))
    const items = [{ id: sealed.id, msg }]
    await tell(carol, items, 'delivered')
    await tell(bob, [{ id: sealed.id, msg: other }], 'delivered')
    await tell(carol, items, 'delivered', one => ({ ...one, from: bob.party.recipient }))
    await tell(bob, items, 'delivered', one => one, carol.party.signer)
    await tell(bob, items, 'delivered', one => ({ ...one, to: carol.party.recipient }))
    expect(stateOf(msg)).toBe('accepted')
    expect(stateOf(other, carol)).toBe('accepted')
  })

  test('that asks again is granted three times, each sealing once, then the message is dead', async () => {
    const msg = compose(alice, [bob], 'hello')
    for (let i = 0; i < 3; i++) {
      const sealed = seal(alice, [bob], msg)
      answer(sealed)
      await tell(bob, [{ id: sealed.id, msg: null }], 'undecryptable')
      expect(stateOf(msg)).toBe('pending')
      await tell(bob, [{ id: sealed.id, msg: null }], 'undecryptable')
      expect(alice.store.outbox.recipient(msg, bob.party.key)?.reseals).toBe(i + 1)
    }
    const last = seal(alice, [bob], msg)
    answer(last)
    await tell(bob, [{ id: last.id, msg: null }], 'undecryptable')
    expect(stateOf(msg)).toBe('undecryptable')
    expect(alice.store.outbox.list({ dead: true }).map(row => row.msg)).toEqual([msg])
    await tell(bob, [{ id: last.id, msg }], 'delivered')
    expect(stateOf(msg)).toBe('delivered')
    expect(alice.store.outbox.list({ dead: true })).toEqual([])
  })
})

describe('a fact', () => {
  test('ends a message only when all its sealings ended, and a late receipt replaces it', async () => {
    const msg = compose(alice, [bob], 'hello')
    const [first, second] = [seal(alice, [bob], msg), seal(alice, [bob], msg)]
    answer(first)
    answer(second)
    await atEnd(first, fact(first, 'expired'))
    expect(stateOf(msg)).toBe('accepted')
    await atEnd(second, fact(second, 'expired'))
    expect(stateOf(msg)).toBe('expired')
    await tell(bob, [{ id: first.id, msg }], 'delivered')
    expect(stateOf(msg)).toBe('delivered')
  })

  test('that the broker of the roster did not sign, or about somebody else, is nothing', async () => {
    const msg = compose(alice, [bob], 'hello')
    const sealed = seal(alice, [bob], msg)
    answer(sealed)
    await atEnd(
      sealed,
      fact(sealed, 'expired', bob.party.signer),
      fact(sealed, 'expired', world.brokerKey, carol),
    )
    expect(stateOf(msg)).toBe('accepted')
  })

  test('that says expired before the end is nothing, nor is one at the end by a clock that is not ours', async () => {
    const msg = compose(alice, [bob], 'hello')
    const sealed = seal(alice, [bob], msg)
    answer(sealed)
    await deliver(alice, fact(sealed, 'expired'))
    await atEnd(sealed, signFact({ ...fact(sealed, 'expired'), at: sealed.endsAt - 1 }, world.brokerKey))
    expect(stateOf(msg)).toBe('accepted')
    await atEnd(sealed, fact(sealed, 'expired'))
    expect(stateOf(msg)).toBe('expired')
  })

  test('that says dropped counts when the roster has removed the recipient, which is fetched first', async () => {
    const msg = compose(alice, [bob], 'hello')
    const sealed = seal(alice, [bob], msg)
    answer(sealed)
    await deliver(alice, fact(sealed, 'dropped'))
    expect([stateOf(msg), alice.synced()]).toEqual(['accepted', 1])
    const { keeper, identity } = alice.core
    const { seq, head } = keeper.roster
    const place = { mesh: identity.mesh, seq: seq + 1, prev: head, at: world.clock.now }
    const hash = new Uint8Array(32)
    const epoch = { number: 2, commitment: hash, root: hash, previous: new Uint8Array(72) }
    const body = { member: bob.core.identity.member.publicKey, epoch }
    const author = identity.member.publicKey
    keeper.accept([signRosterEntry({ ...place, author, kind: 'remove', body }, identity.member)], [])
    await deliver(alice, fact(sealed, 'dropped'))
    expect([stateOf(msg), alice.synced()]).toEqual(['removed', 1])
  })
})

test('a fact by the key that the roster named before the newest one still counts', async () => {
  const { keeper, identity } = alice.core
  const [before, after] = [world.brokerKey, generateSigner()]
  const place = {
    mesh: identity.mesh,
    seq: keeper.roster.seq + 1,
    prev: keeper.roster.head,
    at: world.clock.now,
  }
  const author = identity.member.publicKey
  const body = { hosts: ['localhost'], key: after.publicKey, log: null }
  keeper.accept([signRosterEntry({ ...place, author, kind: 'broker', body }, identity.member)], [])
  for (const [key, then] of [
    [generateSigner(), 'accepted'],
    [before, 'expired'],
    [after, 'expired'],
  ] as const) {
    const msg = compose(alice, [bob], 'hello')
    const sealed = seal(alice, [bob], msg)
    answer(sealed)
    await atEnd(sealed, fact(sealed, 'expired', key))
    expect(stateOf(msg)).toBe(then)
  }
})

describe('the answer of the broker', () => {
  test('id-time seals anew where the clocks agree, and keeps the bytes where they do not', () => {
    const msg = compose(alice, [bob], 'hello')
    const sealed = seal(alice, [bob], msg)
    expect(answer(sealed, 'id-time', world.clock.now + 600_000)).toBe('clock')
    expect(stateOf(msg)).toBe('sealed')
    expect(answer(sealed, 'id-time', world.clock.now + 1_000)).toBe('done')
    expect(stateOf(msg)).toBe('pending')
    expect(alice.store.outbox.sealing(sealed.id)).toMatchObject({ state: 'void', bytes: null })
  })

  test('the same bytes stay for another try after what decides nothing', () => {
    const sealed = seal(alice, [bob], compose(alice, [bob], 'hello'))
    for (const error of ['internal', 'unavailable', 'rate', 'draining'] as const) {
      expect(answer(sealed, error)).toBe('again')
      expect(alice.store.outbox.unaccepted(alice.party.owner).map(row => row.id)).toEqual([sealed.id])
    }
  })
})

test('whatever comes in whatever order: success is never taken back, and what ended here holds back no floor', async () => {
  const RANK: Record<string, number> = { delivered: 1, held: 2, surfaced: 3, answered: 4, refused: 5 }
  const event = fc.oneof(
    fc
      .constantFrom<ErrorCode | null>(null, 'id-time', 'conflict', 'too-large', 'internal', 'expired')
      .map(error => ({ error })),
    fc
      .constantFrom<ReceiptState>(
        'delivered',
        'held',
        'surfaced',
        'answered',
        'refused',
        'undecryptable',
        'stale-prekey',
      )
      .map(state => ({ state })),
    fc.constantFrom<FactKind>('expired', 'dropped').map(kind => ({ kind })),
    fc.constant({ seal: true }),
    fc.constant({ passes: 90_000_000 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 14 }), async events => {
      const msg = compose(alice, [bob], 'hello')
      let sealed = seal(alice, [bob], msg)
      let best = 0
      let arrived = false
      const began = world.clock.now
      for (const one of events) {
        if ('error' in one) answer(sealed, one.error)
        else if ('state' in one) await tell(bob, [{ id: sealed.id, msg: null }], one.state)
        else if ('kind' in one) await atEnd(sealed, fact(sealed, one.kind))
        else if ('seal' in one) {
          if (stateOf(msg) === 'pending') sealed = seal(alice, [bob], msg)
        } else endMessages(alice.core, world.clock.now + one.passes)
        const state = stateOf(msg)
        expect(RANK[state] ?? 0).toBeGreaterThanOrEqual(best)
        best = Math.max(best, RANK[state] ?? 0)
        const message = alice.store.outbox.message(msg)!
        if (['pending', 'sealed', 'accepted'].includes(state)) expect(message.payload).not.toBe('')
        const row = alice.store.outbox.recipient(msg, bob.party.key)!
        const holds = alice.store.outbox.lowestOpen(row.owner, row.line, row.to)
        if (!['pending', 'sealed', 'accepted'].includes(state)) expect(holds === row.pairSeq).toBe(false)
        arrived ||= ['delivered', 'held', 'surfaced', 'answered'].includes(state)
        // What was refused on arrival can be tried again; what had arrived before has no text here any more.
        const lost = ['expired', 'removed', 'undecryptable', 'failed', ...(arrived ? [] : ['refused'])]
        expect(message.dead).toBe(lost.includes(state))
      }
      world.clock.now = began
    }),
    { numRuns: 60 },
  )
})
