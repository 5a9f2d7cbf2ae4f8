/** Queues that are read together: each of its own, however many are asked for at once and however much they hold. */
import { beforeAll, expect, test } from 'vitest'
import { commit, type Database, readQueue } from '../src/index.ts'
import { QueueReads } from '../src/queue-reads.ts'
import { freshDatabase, openTest } from './test-database.ts'
import {
  attached,
  item,
  join,
  newMesh,
  pageByPage,
  random,
  type TestMesh,
  type TestSession,
} from './world.ts'

const STATEMENT_MS = 5
/** A statement beside mail brings one of them, not two. */
const LETTER = 40_000

interface Row {
  readonly place: number
  readonly body: Uint8Array | null
}

let db: Database
let url: string
let at: TestMesh
let sender: TestSession

beforeAll(async () => {
  ;({ db, url } = await freshDatabase())
  at = await newMesh(db)
  sender = await attached(at, at.owner)
})

/** A session with envelopes of these sizes in its queue; their seqs. */
async function holder(...sizes: number[]): Promise<TestSession & { readonly seqs: number[] }> {
  const session = await attached(at, await join(at))
  const { accepts } = await commit(db, {
    accepts: sizes.map(size => item(at, sender.recipient, [session.recipient], { body: random(size) })),
    acks: [],
  })
  return { ...session, seqs: accepts.map(one => one.seq) }
}

/** One by one: a roster has one head. */
async function holders(count: number, sizes: (i: number) => number[]) {
  const all: Awaited<ReturnType<typeof holder>>[] = []
  for (let i = 0; i < count; i++) all.push(await holder(...sizes(i)))
  return all
}

const page = (
  { recipient }: TestSession,
  { after = 0, maxRows = 1000, maxBytes = 1 << 24, mesh = at.mesh, from = db } = {},
) => readQueue(from, { mesh, recipient, after, maxRows, maxBytes })

test('more queues than one statement takes: every page is that of its own queue', async () => {
  const all = await holders(12, i => Array(i).fill(50))
  const asked = Array.from({ length: 600 }, (_, i) => ({
    who: all[i % 12]!,
    after: i % 12 > 0 ? all[i % 12]!.seqs[i % (i % 12)]! : 0,
  }))
  const pages = await Promise.all(asked.map(({ who, after }) => page(who, { after })))
  for (const [i, { rows }] of pages.entries()) {
    const { who, after } = asked[i]!
    expect(rows.map(row => row.seq)).toEqual(who.seqs.filter(seq => seq > after))
  }
})

test('more bytes than one statement brings: none of those asked for is left without its answer', async () => {
  const all = await holders(8, () => [200_000, 200_000, 200_000])
  const pages = await Promise.all(all.map(who => pageByPage(after => page(who, { after }))))
  for (const [i, rows] of pages.entries()) {
    expect(rows.map(row => row.seq)).toEqual(all[i]!.seqs)
    expect(rows.every(row => row.kind === 'envelope' && row.body.length === 200_000)).toBe(true)
  }
})

test('beside mail long queues are read one statement after the other, none of them long, with a rest as long as it took; all of them are read', async () => {
  const all = await holders(6, () => [LETTER, LETTER, LETTER])
  const most = async (mail: boolean) => {
    let [underWay, together, queues, bytes, time] = [0, 0, 0, 0, 0]
    const rests: number[] = []
    const reads = new QueueReads(
      async (statement, parameters) => {
        together = Math.max(together, ++underWay)
        const rows = await db.lane.call<never>(statement, parameters)
        time += STATEMENT_MS
        underWay--
        queues = Math.max(queues, new Set((rows as Row[]).map(row => row.place)).size)
        bytes = Math.max(
          bytes,
          (rows as Row[]).reduce((sum, { body }) => sum + (body?.length ?? 0), 0),
        )
        return rows
      },
      () => mail,
      {
        elapsed: () => time,
        after(ms, ring) {
          rests.push(ms)
          const soon = setImmediate(ring)
          return () => clearImmediate(soon)
        },
      },
    )
    const asked = ({ recipient }: TestSession) =>
      pageByPage(after => reads.read({ mesh: at.mesh, recipient, after, maxRows: 9, maxBytes: 1 << 20 }))
    const half = all.slice(0, 3).map(asked)
    // Asked for in another turn of the loop, while the first are under way.
    await new Promise(resolve => setImmediate(resolve))
    const pages = await Promise.all([...half, ...all.slice(3).map(asked)])
    expect(pages.map(rows => rows.map(row => row.seq))).toEqual(all.map(({ seqs }) => seqs))
    return { together, queues, bytes, rests, time }
  }
  const { time: _, ...alone } = await most(false)
  expect(alone).toEqual({ together: 2, queues: 3, bytes: 9 * LETTER, rests: [] })
  const { rests, time, ...beside } = await most(true)
  // Behind each, as long as it took.
  expect(rests).toEqual(Array(time / STATEMENT_MS).fill(STATEMENT_MS))
  expect(beside).toEqual({ together: 1, queues: 2, bytes: 2 * LETTER })
})

test('limits are those of each; an empty queue says where the mesh stands, an unknown mesh nothing', async () => {
  const [long, empty] = [await holder(500, 500, 500), await holder()]
  const [cut, small, whole, none, unknown] = await Promise.all([
    page(long, { maxRows: 2 }),
    page(long, { maxBytes: 1 }),
    page(long),
    page(empty),
    page(long, { mesh: random(32) }),
  ])
  expect(cut.rows.map(row => row.seq)).toEqual(long.seqs.slice(0, 2))
  expect(small.rows.map(row => row.seq)).toEqual(long.seqs.slice(0, 1))
  expect([cut.more, small.more, whole.more]).toEqual([true, true, false])
  expect(none).toEqual({ rows: [], upTo: long.seqs.at(-1), more: false })
  expect(unknown).toEqual({ rows: [], upTo: 0, more: false })
})

test('a person and their session have queues of their own', async () => {
  const session = await holder(10)
  const person = { member: session.recipient.member, session: null }
  const { accepts } = await commit(db, { accepts: [item(at, sender.recipient, [person])], acks: [] })
  const [mine, theirs] = await Promise.all([page(session), page({ ...session, recipient: person })])
  expect(mine.rows.map(row => row.seq)).toEqual(session.seqs)
  expect(theirs.rows.map(row => row.seq)).toEqual([accepts[0]!.seq])
})

test('connections that end under way: whoever asked by them is told, and the next are read', async () => {
  const who = await holder(10)
  const from = await openTest(url)
  const stuck = async () => {
    const rows = await db.sql<{ pid: number }[]>`select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%read_queues%'`
    return rows.map(row => row.pid)
  }
  let asked: Promise<PromiseSettledResult<{ rows: { seq: number }[] }>[]> | undefined
  await db.sql.begin(async sql => {
    await sql`lock table mesh.mesh_head in access exclusive mode`
    asked = Promise.allSettled(Array.from({ length: 300 }, () => page(who, { from })))
    await expect.poll(stuck).toHaveLength(2)
    for (const pid of await stuck()) await sql`select pg_terminate_backend(${pid})`
  })
  const outcomes = await asked!
  const refused = outcomes.filter(one => one.status === 'rejected')
  expect(refused.length).toBeGreaterThan(0)
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'unavailable' })
  for (const one of outcomes)
    if (one.status === 'fulfilled') expect(one.value.rows.map(row => row.seq)).toEqual(who.seqs)
  expect((await page(who, { from })).rows).toHaveLength(1)
})
