import { generateSigner } from '@claudemesh/crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { makeParty, type Party, PERSON } from '../src/session/party.ts'
import { LOOK_MS } from '../src/session/prekey-life.ts'
import { type OwnPrekey, Prekeys } from '../src/session/prekeys.ts'
import { type MemoryStore, memoryStore } from './memory-store.ts'

const HOUR = 3_600_000
const mesh = new Uint8Array(32).fill(1)
let now: number
let store: MemoryStore
let party: Party
let prekeys: Prekeys
beforeEach(async () => {
  now = 1_000 * HOUR
  store = memoryStore()
  const signer = generateSigner()
  party = makeParty(PERSON, signer.publicKey, signer, now)
  prekeys = new Prekeys(store, mesh)
})

/** Attaches to a broker that tells of a queue up to this seq. */
function attach(queuedUpTo = 0): OwnPrekey {
  const own = prekeys.renewed(party, now)
  prekeys.published(own, now, queuedUpTo)
  return own
}
/** Time in which the owner is attached, or not, looked at as housekeeping does. */
function pass(ms: number, { attached = true } = {}): void {
  for (let left = ms; left > 0; left -= LOOK_MS) {
    now += LOOK_MS
    if (attached) prekeys.attachedFor(party.owner, LOOK_MS)
    if (attached && prekeys.isDue(party, now)) attach()
    prekeys.eraseWorn(now, LOOK_MS)
  }
}
const restart = (): void => {
  prekeys = new Prekeys(store, mesh)
}
const isHeld = (own: OwnPrekey): boolean => prekeys.find(PERSON, own.id) !== undefined
const inStore = (own: OwnPrekey): boolean => store.prekeys.all().some(row => row.n === own.bundle.n)

describe('a new prekey', () => {
  test('is made within an hour and at every start, its number always above the last', () => {
    const first = attach()
    pass(HOUR - 2 * LOOK_MS)
    expect(attach()).toBe(first)
    pass(LOOK_MS)
    const second = attach()
    expect(second.bundle.n).toBeGreaterThan(first.bundle.n)
    expect(second.bundle.n - first.bundle.n).toBeLessThanOrEqual(HOUR)
    restart()
    now -= 60_000
    expect(attach().bundle.n).toBe(second.bundle.n + 1)
  })

  test('is not what peers are told of before the broker has it', () => {
    const first = attach()
    pass(HOUR, { attached: false })
    const next = prekeys.renewed(party, now)
    expect([next === first, prekeys.current(party, now) === first]).toEqual([false, true])
    expect(prekeys.isDue(party, now)).toBe(true)
    prekeys.published(next, now, 0)
    expect(prekeys.current(party, now)).toBe(next)
    expect(prekeys.isDue(party, now)).toBe(false)
  })
})

test('what a clock that was ahead made is let go of once it is right, and does not hold back what follows', () => {
  const first = attach()
  restart()
  now += 30 * 24 * HOUR
  const ahead = prekeys.renewed(party, now)
  now -= 30 * 24 * HOUR
  const next = prekeys.renewed(party, now)
  expect(next.bundle.n).toBe(now)
  expect([isHeld(first), isHeld(ahead), inStore(ahead)]).toEqual([true, false, false])
  expect(prekeys.renewed(party, now)).toBe(next)
})

describe('an old secret is erased', () => {
  test('an hour after its successor was published, so never more than two hours after it was made', () => {
    const first = attach()
    const secrets = [first.secret.x25519, first.secret.xwing]
    pass(2 * HOUR - 2 * LOOK_MS)
    expect(isHeld(first)).toBe(true)
    pass(LOOK_MS)
    expect([isHeld(first), inStore(first)]).toEqual([false, false])
    expect(secrets.every(secret => secret.every(byte => byte === 0))).toBe(true)
    expect(isHeld(prekeys.current(party, now))).toBe(true)
  })

  test('not before the queue that the broker told of then stands in the store', () => {
    const first = attach()
    pass(HOUR - LOOK_MS, { attached: false })
    attach(70)
    prekeys.taken(PERSON, 69)
    pass(2 * HOUR, { attached: false })
    expect(isHeld(first)).toBe(true)
    restart()
    prekeys.taken(PERSON, 70)
    pass(LOOK_MS)
    expect([isHeld(first), inStore(first)]).toEqual([false, false])
  })

  test('after four hours attached whatever the broker says, summed over connections and restarts', () => {
    const first = attach()
    const stall = () => {
      now += LOOK_MS
      prekeys.attachedFor(PERSON, LOOK_MS)
      const own = prekeys.renewed(party, now)
      prekeys.published(own, now, Number.MAX_SAFE_INTEGER)
      prekeys.eraseWorn(now, LOOK_MS)
    }
    let attachedMs = 0
    for (; attachedMs < 2 * HOUR; attachedMs += LOOK_MS) stall()
    restart()
    pass(5 * HOUR, { attached: false })
    for (; isHeld(first) && attachedMs < 5 * HOUR; attachedMs += LOOK_MS) stall()
    expect(attachedMs).toBeLessThanOrEqual(4 * HOUR)
    expect(attachedMs).toBeGreaterThan(4 * HOUR - 10 * 60_000)
    expect(inStore(first)).toBe(false)
  })

  test('not while nobody is attached: what is queued for it can still be opened', () => {
    const first = attach()
    pass(20 * 24 * HOUR, { attached: false })
    restart()
    expect(isHeld(first)).toBe(true)
    attach()
    pass(HOUR - LOOK_MS)
    expect(isHeld(first)).toBe(true)
    pass(LOOK_MS)
    expect(isHeld(first)).toBe(false)
  })

  test('when nothing that could be queued can need it any more, though its owner never came back', () => {
    const first = attach()
    now += 61 * 24 * HOUR
    prekeys.eraseWorn(now, LOOK_MS)
    expect(isHeld(first)).toBe(true)
    now += HOUR
    prekeys.eraseWorn(now, LOOK_MS)
    expect([isHeld(first), inStore(first)]).toEqual([false, false])
  })
})

test('a store that cannot write keeps the secret, and it goes with the next look', () => {
  const first = attach()
  pass(2 * HOUR - 2 * LOOK_MS)
  const broken = store.prekeys.remove
  Object.assign(store.prekeys, {
    remove: () => {
      throw new Error('the disk is full')
    },
  })
  now += LOOK_MS
  expect(() => prekeys.eraseWorn(now, LOOK_MS)).toThrow('the disk is full')
  expect([isHeld(first), inStore(first)]).toEqual([true, true])
  Object.assign(store.prekeys, { remove: broken })
  prekeys.eraseWorn(now, LOOK_MS)
  expect([isHeld(first), inStore(first)]).toEqual([false, false])
})
