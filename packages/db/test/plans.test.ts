import { beforeAll, expect, test } from 'vitest'
import { type AckItem, commit, type Database, expireDue, FUNCTIONS, readQueue } from '../src/index.ts'
import { freshDatabase } from './test-database.ts'
import { attached, item, NODE, newMesh, random, signFact, type TestMesh, type TestSession } from './world.ts'

const HISTORY = 100_000
let db: Database
let at: TestMesh
let me: TestSession

beforeAll(async () => {
  ;({ db } = await freshDatabase())
  at = await newMesh(db)
  me = await attached(at, at.owner)
  // The statements are planned while the tables are empty, as on the day a broker is installed.
  const { accepts } = await commit(db, { accepts: [item(at, me.recipient, [me.recipient])], acks: [] })
  await commit(db, {
    accepts: [],
    acks: [{ mesh: at.mesh, recipient: me.recipient, attachment: me.attachment, upTo: accepts[0]!.seq }],
  })
  const other = await attached(at, at.owner)
  await db.sql`insert into mesh.delivery (recipient_id, seq, expires_at, mesh_id, shared, from_id, audit_index, at, id, content_hash, header, slot, body)
      select r.id, g, now() + interval '1 day', h.id, false, r.id, g, now(), sha256(int8send(g)), ${random(32)}, ${random(20)}, ${random(20)}, ${random(20)}
      from mesh.mesh_head h, mesh.recipient r, generate_series(10, ${HISTORY}) g where h.mesh = ${at.mesh} and r.key = ${Buffer.concat([other.recipient.member, other.recipient.session!])}`
  await db.sql`update mesh.mesh_head set seq = ${HISTORY} where mesh = ${at.mesh}`
}, 120_000)

/** Blocks of a table and its indexes that were touched while `work` ran: what a plan costs, whatever the machine does. */
async function touched(
  work: () => Promise<unknown>,
): Promise<Record<string, { scans: number; rows: number }>> {
  const count = async () => {
    await db.lane.call('select pg_stat_force_next_flush()', [])
    await db.sql`select pg_stat_force_next_flush()`
    const rows = await db.sql<{ name: string; scans: number; rows: number }[]>`
      select relname as name, seq_scan::int as scans, seq_tup_read::int as rows from pg_stat_user_tables where schemaname = 'mesh'`
    return new Map(rows.map(row => [row.name, row]))
  }
  const before = await count()
  await work()
  const after = await count()
  return Object.fromEntries(
    [...after].map(([name, row]) => [
      name,
      { scans: row.scans - before.get(name)!.scans, rows: row.rows - before.get(name)!.rows },
    ]),
  )
}

const QUEUES = ['envelope', 'delivery', 'recipient'] as const

test('statements planned on empty tables read full ones by index: no flush, page or sweep scans a table', async () => {
  const { recipient, attachment } = me
  const costs = await touched(async () => {
    for (let round = 0; round < 8; round++) {
      // Foretold by turns: by the functions for few envelopes and for acks, and by the one for all.
      db.lane.forecast.enabled = round % 2 === 1
      const alone = await commit(db, { accepts: [item(at, recipient, [recipient])], acks: [] })
      expect(alone.accepts[0]!.error).toBe(null)
      const few = Array.from({ length: 3 }, () => item(at, recipient, [recipient]))
      expect((await commit(db, { accepts: few, acks: [] })).accepts.every(one => one.error === null)).toBe(
        true,
      )
      const accepts = Array.from({ length: 64 }, () => item(at, recipient, [recipient]))
      const outcome = await commit(db, { accepts, acks: [] })
      expect(outcome.accepts.every(one => one.error === null)).toBe(true)
      const upTo = outcome.accepts.at(-1)!.seq
      expect(
        (await readQueue(db, { mesh: at.mesh, recipient, after: 0, maxRows: 68, maxBytes: 1 << 20 })).rows,
      ).toHaveLength(68)
      await expireDue(db, { now: Date.now(), limit: 100, node: NODE, live: [], sign: signFact })
      const { acks } = await commit(db, {
        accepts: [],
        acks: [{ mesh: at.mesh, recipient, attachment, upTo }],
      })
      expect(acks[0]!.deleted).toBe(68)
    }
  })
  for (const table of QUEUES) expect(costs[table], table).toEqual({ scans: 0, rows: 0 })
})

test('plans made while the queue was drained and analyzed look rows up by key, never walk an index', async () => {
  const empty = await freshDatabase()
  const mesh = await newMesh(empty.db)
  const [a, b] = [await attached(mesh, mesh.owner), await attached(mesh, mesh.owner)]
  await empty.db.sql`analyze`
  empty.db.lane.forecast.enabled = true
  const read = async () => {
    await empty.db.lane.call('select pg_stat_force_next_flush()', [])
    const [row] = await empty.db.sql<
      { n: number }[]
    >`select sum(idx_tup_read)::int as n from pg_stat_user_indexes
      where schemaname = 'mesh' and relname in ('envelope', 'delivery', 'recipient')`
    return row!.n
  }
  const before = await read()
  const [rounds, size] = [8, 128]
  for (let round = 0; round < rounds; round++) {
    const send = async (count: number, acks: AckItem[] = []) => {
      const accepts = Array.from({ length: count }, () => item(mesh, a.recipient, [b.recipient]))
      return (await commit(empty.db, { accepts, acks })).accepts.at(-1)!.seq
    }
    const ackOf = (upTo: number) => ({
      mesh: mesh.mesh,
      recipient: b.recipient,
      attachment: b.attachment,
      upTo,
    })
    await send(size)
    for (let n = 0; n < size; n++) {
      const seq = await send(n % 16 === 0 ? 4 : 1)
      if (n % 16 === 0) await commit(empty.db, { accepts: [], acks: [ackOf(seq)] })
    }
    await send(size, [ackOf(await send(1))])
  }
  expect((await read()) - before).toBeLessThan(rounds * size * 30)
})

const PINS = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_material']

test('the pins stand on the hot functions, and on the lane', async () => {
  const rows = await db.sql<
    { name: string; config: string[] | string }[]
  >`select proname as name, proconfig::text as config from pg_proc
    where pronamespace = ${FUNCTIONS.schema}::regnamespace and proname = 'read_due'`
  expect(rows.length).toBe(1)
  for (const pin of PINS) {
    for (const row of rows) expect(row.config).toContain(`${pin}=off`)
    const [shown] = await db.lane.call<Record<string, string>>(`show ${pin}`, [])
    expect(shown![pin]).toBe('off')
  }
})
