/** A page of the roster that the store could not take was not taken: memory and store stay one, and it comes whole the next time. */
import { rosterEntryHash } from '@claudemesh/crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RosterStore, seedStore } from '../src/index.ts'
import { draftEpoch } from '../src/mesh/epoch-drafts.ts'
import { signedDraft } from '../src/roster/append.ts'
import { RosterKeeper } from '../src/roster/keeper.ts'
import { memoryStore } from './memory-store.ts'
import { Crash } from './memory-table.ts'
import { deriveRoster } from './roster-of.ts'
import { couple, online, startWorld, type World, when } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world?.stop())

test('a page with a new epoch, refused by the disk, leaves everything as it was, and is taken when it comes again', () => {
  const now = Date.now()
  const { people, seed } = deriveRoster(3, now)
  const keeperOf = (person: number, store = memoryStore()) => {
    if (store.roster.count() === 0) seedStore(store, seed)
    const identity = { mesh: seed.mesh, url: seed.url, host: seed.host, ...people[person]! }
    return { store, identity, keeper: new RosterKeeper({ store, identity, now: () => now, log: () => {} }) }
  }
  const founder = keeperOf(0)
  const { epoch, copies } = draftEpoch(founder.keeper, now, null)
  const { entry } = signedDraft({ ...founder, now: () => now }, 'rekey', { epoch })
  const page = [[entry], [{ epoch: 2, copy: copyFor(people[1]!.member.publicKey) }]] as const

  const { store, keeper } = keeperOf(1)
  const before = { head: keeper.roster.head, members: new Map(keeper.roster.members) }
  store.crashAt(1, 'before', () => {})
  expect(() => keeper.accept(...page)).toThrow(Crash)
  store.revive()
  expect(keeper.roster.head).toEqual(before.head)
  expect(keeper.roster.epoch.number).toBe(1)
  expect(keeper.roster.members).toEqual(before.members)
  expect(keeper.entries).toHaveLength(seed.entries.length)
  expect([keeper.epochs.get(2), keeper.wanted]).toEqual([undefined, entry.seq])

  keeper.accept(...page)
  expect(keeper.roster.head).toEqual(rosterEntryHash(entry))
  expect(keeper.epochs.get(2)).toHaveLength(32)
  const { keeper: restarted } = keeperOf(1, store)
  expect(restarted.roster).toEqual(keeper.roster)
  expect(restarted.epochs.get(2)).toEqual(keeper.epochs.get(2))

  function copyFor(key: Uint8Array): Uint8Array {
    return copies.find(({ to }) => Buffer.compare(to, key) === 0)!.copy
  }
})

test('the person is told, and no more once it was stored', async () => {
  const { alice, bob } = await couple(world)
  const codes = () => bob.client.view().problems.map(({ code }) => code)
  await bob.client.stop()
  let fails = true
  const append: RosterStore['append'] = (...page) => {
    if (fails) throw new Error('the disk is full')
    bob.store.roster.append(...page)
  }
  await bob.start({ store: { ...bob.store, roster: { ...bob.store.roster, append } } })
  await online(bob.client)
  await alice.client.rename('mesh', 'renamed')
  await expect.poll(codes, { timeout: 30_000 }).toContain('roster-store')
  expect(bob.client.view().name).toBe('Test mesh')
  fails = false
  await alice.client.rename('mesh', 'renamed again')
  await when(bob.client, 'roster', () => bob.client.view().name === 'renamed again')
  expect(codes()).not.toContain('roster-store')
  expect(bob.store.roster.count()).toBe(alice.store.roster.count())
  await Promise.all([alice, bob].map(({ client }) => client.stop()))
})
