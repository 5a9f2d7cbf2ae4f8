/** What is believed of a roster that others claim: entries and the broker's own signature prove, nothing else does. */
import { generateSigner, rosterEntryHash, signCheckpoint } from '@claudemesh/crypto'
import { toBase64url } from '@claudemesh/protocol'
import { beforeEach, describe, expect, test } from 'vitest'
import { Claims } from '../src/roster/claims.ts'
import { RosterKeeper } from '../src/roster/keeper.ts'
import { type MemoryStore, memoryStore } from './memory-store.ts'
import { compose, deliver, forSide, offline, type Side, seal } from './offline.ts'
import { deriveRoster } from './roster-of.ts'
import { ScriptedBroker, scriptedMember, settled } from './scripted-broker.ts'
import { when } from './world.ts'

const HOUR = 3_600_000
const NOWHERE = new Uint8Array(32).fill(7)
const began = Date.now()
const clock = { now: began }
beforeEach(() => {
  clock.now = began
})

/** Three members; the first looks, on a broker that has `served` of the entries. */
function scene(served?: number) {
  const { people, seed, brokerKey } = deriveRoster(3, began)
  const shorter = { ...seed, entries: seed.entries.slice(0, served ?? seed.entries.length) }
  const broker = new ScriptedBroker(shorter, brokerKey, () => clock.now)
  const start = (store: MemoryStore = memoryStore()) =>
    scriptedMember(broker, shorter, people[0]!, () => clock.now, store)
  const signed = (rosterSeq: number, rosterHead: Uint8Array, key = brokerKey) =>
    signCheckpoint({ mesh: seed.mesh, size: 9, root: NOWHERE, rosterSeq, rosterHead }, key)
  return { people, seed, broker, start, signed, last: shorter.entries.length - 1 }
}

describe('a roster head that the broker signed', () => {
  test('and does not serve within 30 s connected stops everything; until then nothing is sealed', async () => {
    const { people, broker, start, signed, last } = scene()
    const { client, ring } = start()
    client.start()
    await when(client, 'state', () => client.state === 'online')
    broker.push({ type: 'checkpoint', note: signed(last + 1, NOWHERE) })
    await settled()
    expect(client.view().problems).toMatchObject([{ code: 'roster-awaited' }])
    const to = [{ member: people[1]!.member.publicKey, session: null }]
    const about = { priority: 'next', ttlMs: HOUR, replyTo: null, threadId: null } as const
    await client.send({ from: null, to, text: 'hello', ...about })
    for (let waited = 5_000; waited < 30_000; waited += 5_000) await ring(5_000)
    expect([client.state, broker.count('send')]).toEqual(['online', 0])
    await ring(5_000)
    expect([client.state, client.why?.code]).toEqual(['stopped', 'integrity'])
    expect(client.why?.message).toContain('holds back roster entries that it signed')
    expect(broker.count('send')).toBe(0)
    await client.stop()
  })

  test('and serves after all is followed, and nothing is left of it', async () => {
    const { seed, broker, start, signed, last } = scene(4)
    const { client, ring } = start()
    client.start()
    await when(client, 'state', () => client.state === 'online')
    broker.push({ type: 'checkpoint', note: signed(last + 1, rosterEntryHash(seed.entries[last + 1]!)) })
    await settled()
    await ring(5_000)
    expect(client.view()).toMatchObject({ rosterSeq: last, problems: [{ code: 'roster-awaited' }] })
    broker.script = frame =>
      frame.type === 'roster.get'
        ? {
            type: 'roster',
            entries: seed.entries.slice(frame.from),
            head: rosterEntryHash(seed.entries.at(-1)!),
            headSeq: seed.entries.length - 1,
            copies: [],
          }
        : undefined
    await ring(5_000)
    await settled()
    expect(client.view()).toMatchObject({ rosterSeq: last + 1, problems: [] })
    expect(client.state).toBe('online')
    await client.stop()
  })

  test('that came after all is no other history to who ended before it was noted', () => {
    const { people, seed, start, signed, last } = scene(4)
    const { store } = start()
    const o = { store, now: () => clock.now, log: () => {} }
    const identity = { mesh: seed.mesh, url: seed.url, host: seed.host, ...people[0]! }
    const open = () => {
      const keeper = new RosterKeeper({ ...o, identity })
      return { keeper, claims: new Claims({ ...o, keeper, self: identity.member.publicKey }) }
    }
    const { keeper, claims } = open()
    const entry = seed.entries[last + 1]!
    expect(claims.hearCheckpoint(signed(last + 1, rosterEntryHash(entry)))).toBe(true)
    keeper.accept([entry], [])
    const again = open()
    expect(again.keeper.roster.seq).toBe(last + 1)
    expect([again.claims.frozen, again.claims.awaited]).toEqual([null, false])
  })

  test('that is another than ours at the same place stops everything at once, and still after a restart', async () => {
    const { broker, start, signed, last } = scene()
    const { client, store } = start()
    client.start()
    await when(client, 'state', () => client.state === 'online')
    broker.push({ type: 'checkpoint', note: signed(last, NOWHERE) })
    await when(client, 'state', () => client.state === 'stopped')
    expect(client.why?.message).toContain('another history')
    const hellos = broker.count('hello')
    const again = start(store).client
    again.start()
    expect([again.state, again.why?.code]).toEqual(['stopped', 'integrity'])
    await settled()
    expect(broker.count('hello')).toBe(hellos)
    await client.stop()
    await again.stop()
  })

  test('by no key of the roster, or of another mesh, proves nothing of the roster, and who shows it is a liar', async () => {
    type Scene = ReturnType<typeof scene>
    const lies: ((own: Scene) => string)[] = [
      ({ signed, last }) => signed(last, NOWHERE, generateSigner()),
      ({ last }) => scene().signed(last, NOWHERE),
      () => 'believe me\n',
    ]
    for (const lie of lies) {
      const own = scene()
      const { broker, start } = own
      const note = lie(own)
      const { client } = start()
      client.start()
      await when(client, 'state', () => client.state === 'online')
      broker.push({ type: 'checkpoint', note })
      await when(client, 'state', () => client.state === 'stopped')
      expect(client.why?.message).toMatch(/a checkpoint that its key did not sign/)
      expect(client.view().problems).toEqual([])
      await client.stop()
    }
  })

  test('says so on its own, without a connection and whoever shows it', async () => {
    const { sides, brokerKey } = await offline(2)
    const [alice, bob] = sides as [Side, Side]
    const { mesh } = alice.core.identity
    const { seq } = alice.core.keeper.roster
    const note = signCheckpoint(
      { mesh, size: 9, root: NOWHERE, rosterSeq: seq, rosterHead: NOWHERE },
      brokerKey,
    )
    expect(alice.core.claims.hearCheckpoint(note)).toBe(true)
    expect(alice.core.claims.frozen?.code).toBe('integrity')
    expect(bob.core.claims.frozen).toBeNull()
  })
})

describe('a claim of a member', () => {
  const keeperOf = () => {
    const { people, seed } = deriveRoster(3, began)
    const { client: _, store } = scriptedMember(
      new ScriptedBroker(seed, generateSigner(), () => clock.now),
      seed,
      people[0]!,
      () => clock.now,
    )
    const identity = { mesh: seed.mesh, url: seed.url, host: seed.host, ...people[0]! }
    const o = { store, now: () => clock.now, log: () => {} }
    const claimsOf = () => {
      const keeper = new RosterKeeper({ ...o, identity })
      return { keeper, claims: new Claims({ ...o, keeper, self: identity.member.publicKey }) }
    }
    return { ...claimsOf(), claimsOf, keys: people.map(one => one.member.publicKey) }
  }

  test('that our roster bears out is nothing to do; a higher one is fetched before anything is sealed', () => {
    const { keeper, claims, keys } = keeperOf()
    const { seq, head } = keeper.roster
    expect(claims.hear(keys[1]!, { seq, head }, began)).toBe(false)
    expect(claims.members).toEqual([])
    expect(claims.hear(keys[1]!, { seq: seq + 1, head }, began)).toBe(true)
    expect(claims.fetchDue).toBe(true)
    expect(claims.asked()).toBe(true)
    expect(claims.fetchDue).toBe(false)
    // What is heard while the broker is asked may be newer than its answer.
    expect(claims.hear(keys[2]!, { seq: seq + 2, head }, began)).toBe(true)
    claims.settle()
    expect(claims.fetchDue).toBe(true)
    expect(claims.members).toHaveLength(2)
  })

  test('of another history stops sealing to that member alone, is told by name, and outlives a restart', () => {
    const { keeper, claims, claimsOf, keys } = keeperOf()
    const [, bob, carol] = keys.map(toBase64url)
    expect(claims.hear(keys[1]!, { seq: 2, head: NOWHERE }, began)).toBe(false)
    claims.settle()
    expect([claims.doubts(bob!), claims.doubts(carol!)]).toEqual([true, false])
    const again = claimsOf().claims
    expect([again.doubts(bob!), again.doubts(carol!), again.frozen]).toEqual([true, false, null])
    expect(again.problems()).toMatchObject([
      { code: 'roster-unproven', message: expect.stringContaining('member 1') },
    ])
    const { seq, head } = keeper.roster
    again.hear(keys[1]!, { seq, head }, began)
    expect(again.doubts(bob!)).toBe(true)
    again.hear(keys[1]!, { seq, head }, began + 1)
    expect([again.doubts(bob!), claimsOf().claims.doubts(bob!)]).toEqual([false, false])
  })

  test('keeps the roster confirmed for 12 h from when it was signed, whoever shows it again and whenever', () => {
    const { keeper, claims, claimsOf, keys } = keeperOf()
    const { seq, head } = keeper.roster
    clock.now = began + 12 * HOUR
    expect(claims.unconfirmedSince).toBeNull()
    clock.now += 1
    expect(claims.unconfirmedSince).toBe(began)
    claims.hear(keys[0]!, { seq, head }, clock.now)
    claims.hear(keys[1]!, { seq, head: NOWHERE }, clock.now)
    expect(claims.unconfirmedSince).toBe(began)
    claims.hear(keys[2]!, { seq, head }, began + HOUR)
    expect(claims.unconfirmedSince).toBeNull()
    clock.now = began + 13 * HOUR + 1
    claims.hear(keys[2]!, { seq, head }, began + HOUR)
    expect([claims.unconfirmedSince, claimsOf().claims.unconfirmedSince]).toEqual([
      began + HOUR,
      began + HOUR,
    ])
    // A clock that runs ahead buys no time beyond ours.
    claims.hear(keys[2]!, { seq, head }, clock.now + 100 * HOUR)
    clock.now += 12 * HOUR + 1
    expect(claims.unconfirmedSince).toBe(began + 13 * HOUR + 1)
  })

  test('stands in what is delivered: its sender is doubted from then on', async () => {
    const { sides } = await offline(3)
    const [alice, bob, carol] = sides as [Side, Side, Side]
    bob.core.keeper.roster.head = NOWHERE
    const msg = compose(bob, [alice], 'from another world')
    await deliver(alice, forSide(seal(bob, [alice], msg), alice))
    const member = (side: Side) => toBase64url(side.core.identity.member.publicKey)
    expect([bob, carol].map(side => alice.core.claims.doubts(member(side)))).toEqual([true, false])
  })
})
