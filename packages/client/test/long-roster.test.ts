/** A roster of thousands of entries: joined, with everything verified. What it costs is measured by `pnpm bench`. */
import { generateSigner, rosterEntryHash, signJoin, signRosterEntry } from '@claudemesh/crypto'
import { deriveInviteKeys, generateAgreement } from '@claudemesh/crypto/sealing'
import { openDatabase } from '@claudemesh/db'
import { type RosterEntry, rosterEntry } from '@claudemesh/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { joinByInvite, seedStore } from '../src/index.ts'
import { RosterKeeper } from '../src/roster/keeper.ts'
import { entryOfJson } from '../src/roster/stored.ts'
import { memoryStore } from './memory-store.ts'
import { found, type Machine, online, startWorld, type World } from './world.ts'

const ENTRIES = 3000
const JOINS = 60

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** Entries behind those of the mesh: many invites, 200 members by them, and the rest new names. */
function history({ identity, store }: Machine, count: number): RosterEntry[] {
  const entries = store.roster.entries().map(entryOfJson)
  const began = entries.length
  const { member, mesh } = identity
  const random = (size: number) => crypto.getRandomValues(new Uint8Array(size))
  const at = Date.now()
  const place = () => ({ mesh, seq: entries.length, prev: rosterEntryHash(entries.at(-1)!), at })
  const author = member.publicKey
  const { bundle } = generateAgreement()
  while (entries.length < count) {
    if (entries.length % Math.floor(count / JOINS) === 0) {
      const keys = deriveInviteKeys(random(32))
      const terms = { role: 'member' as const, uses: 1, expiresAt: at + 3_600_000, copy: random(1200) }
      const body = { code: random(16), key: keys.signer.publicKey, bundle: keys.bundle, ...terms }
      entries.push(signRosterEntry({ ...place(), author, kind: 'invite', body }, member))
      const guest = generateSigner()
      const joined = { invite: rosterEntryHash(entries.at(-1)!), bundle, name: random(298) }
      const unsigned = { ...place(), author: guest.publicKey, kind: 'join' as const, body: joined }
      entries.push(signJoin(unsigned, guest, keys.signer))
    }
    entries.push(signRosterEntry({ ...place(), author, kind: 'rename', body: { name: random(298) } }, member))
  }
  return entries.slice(began)
}

/** As if they had been appended one by one. */
async function write(entries: readonly RosterEntry[], mesh: Uint8Array): Promise<void> {
  const db = await openDatabase({ url: world.databaseUrl, applicationName: 'test' })
  const rows = entries.map(entry => ({
    hash: Buffer.from(rosterEntryHash(entry)).toString('hex'),
    entry: rosterEntry.encode(entry),
  }))
  await db.sql`insert into mesh.roster_entry (mesh_id, seq, hash, entry)
    select h.id, (r -> 'entry' ->> 'seq')::bigint, decode(r ->> 'hash', 'hex'), r -> 'entry'
    from mesh.mesh_head h cross join jsonb_array_elements(${JSON.stringify(rows)}::text::jsonb) as t(r) where h.mesh = ${mesh}`
  await db.sql`update mesh.mesh_head set roster_seq = ${entries.at(-1)!.seq},
    roster_head = ${rosterEntryHash(entries.at(-1)!)} where mesh = ${mesh}`
  await db.close()
}

test('is joined, verified and stored whole', async () => {
  const alice = await found(world)
  await alice.client.stop()
  await world.broker.stop()
  await write(history(alice, ENTRIES), alice.identity.mesh)
  await world.restart()
  await alice.start()
  await online(alice.client)
  const { link } = await alice.client.invite({ role: 'member', uses: 9, expiresMs: 3_600_000 })
  const keys = { member: generateSigner(), agreement: generateAgreement() }
  const store = memoryStore()
  const seed = await joinByInvite({ ...keys, link, memberName: 'Bob', now: Date.now })
  seedStore(store, seed)
  expect(store.roster.entries().length).toBeGreaterThan(ENTRIES)
  const { mesh, url, host } = seed
  const keeper = new RosterKeeper({
    store,
    identity: { mesh, url, host, ...keys },
    now: Date.now,
    log: () => {},
  })
  expect(keeper.roster.head).toEqual(seed.roster!.head)
  await alice.client.stop()
}, 300_000)

test('a changed byte in a stored roster is found, though its signatures are not verified again', async () => {
  const alice = await found(world)
  await alice.client.invite({ role: 'member', uses: 1, expiresMs: 60_000 })
  await alice.client.stop()
  const { store, identity } = alice
  const open = (entries: string[]) =>
    new RosterKeeper({
      store: { ...store, roster: { ...store.roster, entries: () => entries } },
      identity,
      now: Date.now,
      log: () => {},
    })
  const honest = store.roster.entries()
  expect(open(honest).roster.seq).toBe(2)
  for (const seq of [0, 1, 2]) {
    const { at, ...rest } = JSON.parse(honest[seq]!)
    const forged = honest.with(seq, JSON.stringify({ ...rest, at: at + 1 }))
    expect(() => open(forged)).toThrow(/roster/)
  }
})
