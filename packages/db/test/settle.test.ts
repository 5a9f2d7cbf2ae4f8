import { compareBytes, TIMES } from '@claudemesh/protocol'
import { beforeAll, expect, test } from 'vitest'
import {
  claimNode,
  commit,
  type Database,
  dropOldFacts,
  dropRemoved,
  expireDue,
  queueDepth,
  reclaimQueue,
} from '../src/index.ts'
import { freshDatabase } from './test-database.ts'
import {
  attached,
  item,
  join,
  NODE,
  newMesh,
  remove,
  signFact,
  type TestMesh,
  type TestSession,
  wholeQueue,
} from './world.ts'

let db: Database
let at: TestMesh
let alice: TestSession
const now = Date.now()

beforeAll(async () => {
  ;({ db } = await freshDatabase())
  at = await newMesh(db)
  alice = await attached(at, at.owner)
})

const read = ({ recipient }: TestSession) => wholeQueue(db, { mesh: at.mesh, recipient })
const expire = (when: number, live: { recipient: TestSession['recipient']; handedUpTo: number }[] = []) =>
  expireDue(db, {
    now: when,
    limit: 100,
    node: NODE,
    live: live.map(one => ({ mesh: at.mesh, ...one })),
    sign: signFact,
  })
const ackAll = async (who: TestSession) => {
  const upTo = (await read(who)).at(-1)?.seq
  if (upTo)
    await commit(db, {
      accepts: [],
      acks: [{ mesh: at.mesh, recipient: who.recipient, attachment: who.attachment, upTo }],
    })
}

test('what ran out leaves the queue and a signed fact comes to its sender, in the same order as mail', async () => {
  const bob = await attached(at, await join(at))
  const carol = await attached(at, await join(at))
  const due = item(at, alice.recipient, [bob.recipient, carol.recipient], { expiresAt: now + 10 })
  const { accepts } = await commit(db, {
    accepts: [due, item(at, alice.recipient, [bob.recipient], { expiresAt: now + 1000 })],
    acks: [],
  })
  expect(await expire(now + 9)).toEqual([])
  const depth = await queueDepth(db)
  const ended = await expire(now + 10)
  expect(ended.map(row => [row.seq, row.fact.kind, row.fact.why])).toEqual(
    [1, 2].map(() => [accepts[0]!.seq, 'expired', 'ttl']),
  )
  expect(await queueDepth(db)).toBe(depth)
  expect((await read(bob)).map(row => row.seq)).toEqual([accepts[1]!.seq])
  expect(await read(carol)).toEqual([])
  const facts = await read(alice)
  expect(facts.map(row => row.seq)).toEqual(ended.map(row => row.factSeq))
  for (const [i, row] of facts.entries()) {
    if (row.kind !== 'fact') throw new Error('a fact was expected')
    const signed = ended[i]!.fact
    for (const field of ['mesh', 'id', 'signature'] as const)
      expect(compareBytes(row.fact[field], signed[field])).toBe(0)
    expect(row.fact.at).toBe(now + 10)
    expect(compareBytes(row.fact.to.session!, signed.to.session!)).toBe(0)
  }
  const leaves =
    await db.sql`select count(*)::int as n from mesh.audit_leaf l join mesh.mesh_head h on h.id = l.mesh_id where h.mesh = ${at.mesh} and type = 'expired'`
  expect(leaves[0]!.n).toBe(2)
  expect(await expire(now + 10)).toEqual([])
  await ackAll(alice)
  expect(await read(alice)).toEqual([])
})

test('rows handed out on a live attachment do not expire, here or at another node', async () => {
  const bob = await attached(at, await join(at))
  await claimNode(db, { node: 'elsewhere', now, leaseMs: 60_000 })
  const carol = await attached(at, await join(at), { node: 'elsewhere' })
  const dueTo = (who: TestSession) => item(at, alice.recipient, [who.recipient], { expiresAt: now + 10 })
  const { accepts } = await commit(db, { accepts: [dueTo(bob), dueTo(bob), dueTo(carol)], acks: [] })
  const ended = await expire(now + 20, [{ recipient: bob.recipient, handedUpTo: accepts[0]!.seq }])
  expect(ended.map(row => row.seq)).toEqual([accepts[1]!.seq])
  expect((await read(carol)).map(row => row.seq)).toEqual([accepts[2]!.seq])
  const later = (await expire(now + 60_001)).map(row => row.seq)
  expect(later).toEqual(expect.arrayContaining([accepts[0]!.seq, accepts[2]!.seq]))
})

test('what several share goes when it ran out for the last of them, and its id is free again', async () => {
  const bob = await attached(at, await join(at))
  const carol = await attached(at, await join(at))
  const several = item(at, alice.recipient, [bob.recipient, carol.recipient], { expiresAt: now + 10 })
  const { accepts } = await commit(db, { accepts: [several], acks: [] })
  const standing = async () =>
    (
      await db.sql`select h.several::int as n, (select count(*)::int from mesh.envelope e where e.mesh_id = h.id) as rows
        from mesh.mesh_head h where h.mesh = ${at.mesh}`
    )[0]!
  expect(await standing()).toEqual({ n: 1, rows: 1 })
  const ended = await expire(now + 20, [{ recipient: carol.recipient, handedUpTo: accepts[0]!.seq }])
  expect(ended.map(row => row.seq)).toEqual([accepts[0]!.seq])
  expect(await standing()).toEqual({ n: 1, rows: 1 })
  expect((await read(carol)).map(row => row.kind)).toEqual(['envelope'])
  expect((await expire(now + 20)).length).toBe(1)
  expect(await standing()).toEqual({ n: 0, rows: 0 })
  const { accepts: again } = await commit(db, { accepts: [several], acks: [] })
  expect(again[0]!.repeat).toBe(false)
  await expire(now + 20)
})

test('an ack and an expiry of the same row never both succeed', async () => {
  const bob = await attached(at, await join(at))
  for (let round = 0; round < 10; round++) {
    const { accepts } = await commit(db, {
      accepts: [item(at, alice.recipient, [bob.recipient], { expiresAt: now + 10 })],
      acks: [],
    })
    const upTo = accepts[0]!.seq
    const [ended, { acks }] = await Promise.all([
      expire(now + 20),
      commit(db, {
        accepts: [],
        acks: [{ mesh: at.mesh, recipient: bob.recipient, attachment: bob.attachment, upTo }],
      }),
    ])
    expect(ended.length + acks[0]!.deleted).toBe(1)
  }
})

test('a removal ends mail to and from the removed: others are told, the removed is not', async () => {
  await ackAll(alice)
  const gone = await attached(at, await join(at))
  const bob = await attached(at, await join(at))
  await commit(db, {
    accepts: [
      item(at, alice.recipient, [gone.recipient]),
      item(at, alice.recipient, [gone.recipient, bob.recipient]),
      item(at, gone.recipient, [bob.recipient]),
      item(at, gone.recipient, [bob.recipient, alice.recipient]),
    ],
    acks: [],
  })
  await remove(at, gone.recipient.member)
  const ended = []
  for (;;) {
    const some = await dropRemoved(db, { mesh: at.mesh, now, limit: 2, sign: signFact })
    if (some.length === 0) break
    expect(some.length).toBeLessThanOrEqual(2)
    ended.push(...some)
  }
  expect(ended.map(row => [row.fact.kind, row.fact.why])).toEqual(Array(5).fill(['dropped', 'removed']))
  expect(ended.filter(row => row.factSeq > 0).length).toBe(2)
  expect((await read(bob)).length).toBe(1)
  expect((await read(alice)).map(row => row.kind)).toEqual(['fact', 'fact'])
})

test('facts that nobody fetched go after 30 days', async () => {
  const waiting = (await read(alice)).filter(row => row.kind === 'fact').length
  expect(waiting).toBeGreaterThan(0)
  const depth = await queueDepth(db)
  expect(await dropOldFacts(db, { now: now + TIMES.factsKeptMs - 1 })).toBe(0)
  expect(await dropOldFacts(db, { now: now + TIMES.factsKeptMs + 1000 })).toBe(waiting)
  expect(await queueDepth(db)).toBe(depth - waiting)
})

test('the pages of acked rows are written to again once they are reclaimed, which a queue that waits puts off', async () => {
  const { db: own } = await freshDatabase()
  // What autovacuum does by its own clock is not meant here.
  await own.sql`alter table mesh.delivery set (autovacuum_enabled = false)`
  const mesh = await newMesh(own)
  const who = await attached(mesh, mesh.owner)
  const wave = async () => {
    const accepts = Array.from({ length: 200 }, () => item(mesh, who.recipient, [who.recipient]))
    return (await commit(own, { accepts, acks: [] })).accepts.at(-1)!.seq
  }
  const ack = (upTo: number) =>
    commit(own, {
      accepts: [],
      acks: [{ mesh: mesh.mesh, recipient: who.recipient, attachment: who.attachment, upTo }],
    })
  const pages = async () => {
    const [row] = await own.sql<{ n: number }[]>`select pg_relation_size('mesh.delivery')::int / 8192 as n`
    return row!.n
  }
  await ack(await wave())
  const one = await pages()
  await ack(await wave())
  const two = await pages()
  expect(two).toBeGreaterThan(one)
  // A statement of autovacuum elsewhere may still see those rows: then they stay for the next pass.
  await expect
    .poll(
      async () => {
        expect(await reclaimQueue(own, { gone: 400 })).toBe(true)
        const [row] = await own.sql<{ n: number }[]>`select n_dead_tup::int as n from pg_stat_user_tables
        where relid = 'mesh.delivery'::regclass`
        return row!.n
      },
      { timeout: 20_000 },
    )
    .toBe(0)
  await wave()
  expect(await pages()).toBe(two)
  expect(await reclaimQueue(own, { gone: 400 })).toBe(true)
  expect(await reclaimQueue(own, { gone: 20 })).toBe(false)
})
