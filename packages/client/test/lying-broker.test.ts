import { rosterEntryHash, signRosterEntry } from '@claudemesh/crypto'
import {
  type BrokerFrame,
  type ClientFrame,
  encodeBrokerFrame,
  MeshError,
  type RosterEntry,
} from '@claudemesh/protocol'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Link } from '../src/connection/link.ts'
import { type MeshSeed, seedStore } from '../src/index.ts'
import { RosterKeeper } from '../src/roster/keeper.ts'
import { syncRoster } from '../src/roster/sync.ts'
import { memoryStore } from './memory-store.ts'
import { deriveRoster } from './roster-of.ts'
import { ScriptedBroker, scriptedMember } from './scripted-broker.ts'
import { when } from './world.ts'

let made: ReturnType<typeof deriveRoster>
let keeper: RosterKeeper
const now = Date.now()
beforeEach(() => {
  made = deriveRoster(3, now)
  keeper = keeperOf(made.seed, made.seed.entries.length)
})

function keeperOf(seed: MeshSeed, known: number): RosterKeeper {
  const store = memoryStore()
  seedStore(store, { ...seed, entries: seed.entries.slice(0, known) })
  const identity = { mesh: seed.mesh, url: seed.url, host: seed.host, ...made.people[0]! }
  return new RosterKeeper({ store, identity, now: () => now, log: () => {} })
}

/** Answers as a broker whose roster is `entries` and that claims to have `claimed` of them. */
function brokerWith(
  entries: readonly RosterEntry[],
  claimed = entries.length,
): Link & { asked: ClientFrame[] } {
  const asked: ClientFrame[] = []
  const link = {
    asked,
    async request(frame: ClientFrame): Promise<BrokerFrame> {
      asked.push(frame)
      if (frame.type !== 'roster.get') throw new MeshError('clock', 'the entry is too old')
      const last = entries.at(-1)!
      const page = entries.slice(frame.from, frame.from + 2)
      return { type: 'roster', entries: page, copies: [], head: rosterEntryHash(last), headSeq: claimed - 1 }
    },
  }
  return link as unknown as Link & { asked: ClientFrame[] }
}

/** Another history after the first `shared` entries: the founder's key signs, as only a thief's could. */
function fork(shared: number, length: number): RosterEntry[] {
  const entries: RosterEntry[] = made.seed.entries.slice(0, shared)
  const { member } = made.people[0]!
  while (entries.length < length) {
    const place = {
      mesh: made.seed.mesh,
      seq: entries.length,
      prev: rosterEntryHash(entries.at(-1)!),
      at: now,
    }
    const body = { hosts: [`host-${entries.length}`], key: member.publicKey, log: null }
    entries.push(signRosterEntry({ ...place, author: member.publicKey, kind: 'broker', body }, member))
  }
  return entries
}

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'believed',
    error => (error instanceof MeshError ? error.code : String(error)),
  )

describe('a broker is believed when it', () => {
  test('serves what we lack, page by page', async () => {
    const behind = keeperOf(made.seed, 2)
    expect(await syncRoster(brokerWith(made.seed.entries), behind)).toBe(true)
    expect(behind.roster.members.size).toBe(3)
    expect(await syncRoster(brokerWith(made.seed.entries), behind)).toBe(false)
  })
})

describe('a broker is refused, and nothing of it kept, when it', () => {
  test('shows another entry at the same place', async () => {
    expect(await code(syncRoster(brokerWith(fork(3, 5)), keeper))).toBe('integrity')
  })
  test('shows a longer history that forks behind our head', async () => {
    const { seq } = keeper.roster
    expect(await code(syncRoster(brokerWith(fork(3, 9)), keeper))).toBe('integrity')
    expect(keeper.roster.seq).toBe(seq)
  })
  test('shows a shorter one, and does not take back what it lacks', async () => {
    const broker = brokerWith(made.seed.entries.slice(0, 3))
    expect(await code(syncRoster(broker, keeper))).toBe('integrity')
    expect(broker.asked.at(-1)).toMatchObject({ type: 'roster.restore', entries: [{ seq: 3 }, { seq: 4 }] })
  })
  test('that takes back what it lacks, and lacks it again each time, is not fed for ever', async () => {
    let taken = 0
    const short = brokerWith(made.seed.entries.slice(0, 3))
    const forgetful = {
      async request(frame: ClientFrame, type: 'roster'): Promise<BrokerFrame> {
        if (frame.type !== 'roster.restore') return short.request(frame, type)
        taken++
        return { type: 'appended', seq: 9, head: rosterEntryHash(made.seed.entries.at(-1)!) }
      },
    } as unknown as Link
    await expect(syncRoster(forgetful, keeper)).rejects.toThrow(/has lost them again each time/)
    expect(taken).toBe(8)
  })

  test('names entries that it does not serve', async () => {
    expect(await code(syncRoster(brokerWith(made.seed.entries, 9), keeper))).toBe('integrity')
  })
  test('changes one byte of an entry', async () => {
    const behind = keeperOf(made.seed, 3)
    const changed = made.seed.entries.map(entry => (entry.seq === 3 ? { ...entry, at: entry.at + 1 } : entry))
    expect(await code(syncRoster(brokerWith(changed as RosterEntry[]), behind))).toBe('integrity')
    expect(behind.roster.seq).toBe(2)
  })
})

describe('a roster entry that this version cannot read', () => {
  const served = (change: (entry: Record<string, unknown>) => Record<string, unknown>) => {
    const { people, seed, brokerKey } = deriveRoster(2, now)
    const broker = new ScriptedBroker(seed, brokerKey, () => now)
    const { client } = scriptedMember(
      broker,
      { ...seed, entries: seed.entries.slice(0, 3) },
      people[0]!,
      () => now,
    )
    broker.script = frame => {
      if (frame.type !== 'roster.get') return undefined
      const entries = seed.entries.slice(frame.from)
      const head = rosterEntryHash(seed.entries.at(-1)!)
      const { ref } = frame
      const honest = {
        type: 'roster' as const,
        ref,
        entries,
        head,
        headSeq: seed.entries.length - 1,
        copies: [],
      }
      const json = JSON.parse(encodeBrokerFrame(honest))
      return JSON.stringify({ ...json, entries: json.entries.map(change) })
    }
    return client
  }
  for (const [what, change] of [
    ['an unknown kind', entry => ({ ...entry, kind: 'oath' })],
    ['an unknown field', entry => ({ ...entry, note: 'later' })],
  ] as [string, (entry: Record<string, unknown>) => Record<string, unknown>][])
    test(`${what}: the client stops for a person instead of dialling for ever`, async () => {
      const client = served(change)
      client.start()
      await when(client, 'state', () => client.why !== null)
      expect([client.state, client.why?.code]).toEqual(['stopped', 'integrity'])
      await client.stop()
    })
})
