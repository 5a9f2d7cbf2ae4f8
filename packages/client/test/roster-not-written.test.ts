/** A page of the roster that the store could not take was not taken: memory and store stay one, and it comes whole the next time. */
import { ready, rosterEntryHash } from '@claudemesh/crypto'
import { beforeAll, expect, test } from 'vitest'
import { seedStore } from '../src/index.ts'
import { draftEpoch } from '../src/mesh/epoch-drafts.ts'
import { signedDraft } from '../src/roster/append.ts'
import { RosterKeeper } from '../src/roster/keeper.ts'
import { memoryStore } from './memory-store.ts'
import { Crash } from './memory-table.ts'
import { deriveRoster } from './roster-of.ts'

beforeAll(() => ready)

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
