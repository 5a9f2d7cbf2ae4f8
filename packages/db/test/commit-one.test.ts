/** One envelope alone: what is foretold of it comes true or is looked up, and it reads the same either way. */
import { encodeFields, type Field, leafHash } from '@claudemesh/crypto'
import { compareBytes, TIMES } from '@claudemesh/protocol'
import { beforeAll, expect, test } from 'vitest'
import {
  type AcceptItem,
  appendAudit,
  auditLeaves,
  commit,
  type Database,
  putPresence,
  readQueue,
} from '../src/index.ts'
import { freshDatabase, openTest } from './test-database.ts'
import {
  attached,
  certificateOf,
  item,
  join,
  newMesh,
  presenceOf,
  random,
  remove,
  type TestMesh,
  type TestSession,
} from './world.ts'

let db: Database
let url: string
let at: TestMesh
let alice: TestSession
let bob: TestSession
/** Of every call of the lane whether what it was told came true; undefined: it was told nothing. */
const calls: (boolean | undefined)[] = []

beforeAll(async () => {
  ;({ db, url } = await freshDatabase())
  db = watched(db)
  at = await newMesh(db)
  alice = await attached(at, at.owner)
  bob = await attached(at, await join(at))
})

type Parameters = (string | number | Uint8Array | null)[]
/** What the lane was given. */
const given: { statement: string; parameters: readonly Parameters[number][] }[] = []

/** The same database; `calls` hears of its lane. */
function watched(plain: Database): Database {
  const { lane } = plain
  const call: Database['lane']['call'] = async (statement, parameters) => {
    const rows = await lane.call<never>(statement, parameters)
    const [row] = rows as { told?: unknown }[]
    given.push({ statement, parameters })
    calls.push(parameters[11] === null || row?.told === undefined ? undefined : row.told === null)
    return rows
  }
  return { ...plain, lane: { ...lane, call } }
}

const mail = (from = alice, to = bob, mesh = at, over: Partial<AcceptItem> = {}) =>
  item(mesh, from.recipient, [to.recipient], over)
const send = async (one: AcceptItem, on = db) => (await commit(on, { accepts: [one], acks: [] })).accepts[0]!
/** What the calls were that `work` makes. */
async function during(work: () => Promise<unknown>) {
  calls.length = 0
  await work()
  return [...calls]
}
const headOf = async ({ mesh } = at) =>
  (
    await db.sql<{ seq: number; size: number; queued: number }[]>`
      select seq::int, audit_size::int as size, queued::int from mesh.mesh_head where mesh = ${mesh}`
  )[0]!

test('behind the first all are foretold, and the queue and the log hold what was sent', async () => {
  const person = await attached(at, at.owner, { session: null })
  const mails = [mail(), mail(), mail(bob, alice), mail(person), mail(person), mail(alice, person)]
  const sent: { one: AcceptItem; seq: number; index: number; time: number }[] = []
  const before = await headOf()
  const told = await during(async () => {
    for (const one of mails) {
      const answer = await send(one)
      expect(answer).toMatchObject({ error: null, recipients: ['queued'], repeat: false })
      sent.push({ one, seq: answer.seq, index: answer.auditIndex, time: answer.at })
    }
  })
  expect(told).toEqual([undefined, true, true, undefined, true, true])
  const { length } = mails
  expect(sent.map(({ seq }) => seq)).toEqual(mails.map((_, i) => before.seq + 1 + i))
  expect(sent.map(({ index }) => index)).toEqual(mails.map((_, i) => before.size + i))
  expect(await headOf()).toEqual({
    seq: before.seq + length,
    size: before.size + length,
    queued: before.queued + length,
  })
  const times = sent.map(({ time }) => time)
  expect(times).toEqual(times.toSorted((x, y) => x - y))
  const [clock] = await db.sql<
    { now: number }[]
  >`select extract(epoch from clock_timestamp())::float8 * 1000 as now`
  expect(Math.abs(times.at(-1)! - clock!.now)).toBeLessThan(5000)

  const leaves = await auditLeaves(db, { mesh: at.mesh, from: before.size, to: before.size + length })
  for (const [i, { one, seq, index, time }] of sent.entries()) {
    const { hash, body } = leaves[i]!
    const fields: Field[] = [one.id, one.from.member, one.from.session, seq, one.recipientsHash]
    expect([body!.type, body!.at]).toEqual(['accepted', time])
    expect(compareBytes(body!.fields, encodeFields(fields))).toBe(0)
    const leaf = { salt: body!.salt, index, at: time, type: 'accepted' as const, fields }
    expect(compareBytes(hash, leafHash(leaf))).toBe(0)
    const page = {
      mesh: at.mesh,
      recipient: one.to[0]!.recipient,
      after: seq - 1,
      maxRows: 1,
      maxBytes: 1 << 20,
    }
    const [row] = (await readQueue(db, page)).rows
    if (row?.kind !== 'envelope') throw new Error('an envelope was expected')
    expect(row.seq).toBe(seq)
    for (const [got, meant] of [
      [row.header, one.header],
      [row.body, one.body],
      [row.slot, one.to[0]!.slot],
    ] as const)
      expect(compareBytes(got, meant)).toBe(0)
  }
  expect(new Set(leaves.map(({ body }) => Buffer.from(body!.salt).toString('hex'))).size).toBe(length)
})

test('a repeat is answered as before, other content is a conflict, and neither leaves anything', async () => {
  const one = mail()
  const first = await send(one)
  const before = await headOf()
  expect(await send(one)).toEqual({ ...first, repeat: true })
  expect(await send({ ...one, contentHash: random(32) })).toMatchObject({ error: 'conflict', seq: 0 })
  expect(await headOf()).toEqual(before)
  // While an envelope for several waits, its id is looked for as well.
  const several = item(at, alice.recipient, [bob.recipient, alice.recipient])
  await send(several)
  expect(await during(() => send(mail()))).toEqual([false])
  expect(await send({ ...several, to: one.to, contentHash: random(32) })).toMatchObject({ error: 'conflict' })
  const { seq } = await headOf()
  expect(seq).toBe(before.seq + 2)
  for (const { recipient, attachment } of [alice, bob])
    await commit(db, { accepts: [], acks: [{ mesh: at.mesh, recipient, attachment, upTo: seq }] })
  for (let rested = 0; rested < 4; rested++) await send(mail())
  expect(await during(() => send(mail()))).toEqual([true])
})

test('whatever of the foretold is not so, it is committed with its true numbers', async () => {
  const lies: [string, number, (true_: number) => number][] = [
    ['mesh', 11, n => n + 1000],
    ['seq', 12, n => n + 1],
    ['index', 13, n => n - 1],
    ['roster', 14, n => n - 1],
    ['time', 15, n => n + 6000],
    ['time', 15, n => n - 6000],
  ]
  await send(mail())
  given.length = 0
  await send(mail())
  const [{ statement, parameters } = given[0]!] = given
  const again = async (lie: (p: Parameters) => void) => {
    const { seq, size } = await headOf()
    const p = [...parameters]
    p[4] = random(16)
    p[12] = seq + 1
    p[13] = size
    p[15] = Date.now()
    lie(p)
    const [row] = await db.lane.call<{ told: string[] | null }>(statement, p)
    return { told: row!.told, seq, size, p }
  }
  expect((await again(() => {})).told).toBe(null)
  for (const [name, place, lie] of lies) {
    const { told, seq, size } = await again(p => {
      p[place] = lie(p[place] as number)
    })
    expect(told?.slice(1, 3).map(Number), name).toEqual([seq + 1, size])
    expect(await headOf(), name).toMatchObject({ seq: seq + 1, size: size + 1 })
  }
  const { p } = await again(() => {})
  const repeat = await again(q => {
    q[4] = p[4]!
  })
  expect(repeat.told).toEqual([])
  expect(await headOf()).toMatchObject({ seq: repeat.seq, size: repeat.size })
})

test('leaves by others in between make no hole, and what waits behind them keeps its order', async () => {
  const limited = () => appendAudit(db, { mesh: at.mesh, type: 'limited', fields: encodeFields(['rate', 3]) })
  const other = await openTest(url)
  await send(mail())
  const before = await headOf()
  await limited()
  const behind = await during(() =>
    Promise.all([send(mail()), send(mail()), send(mail())]).then(answers =>
      expect(answers.map(({ seq, auditIndex }) => [seq, auditIndex])).toEqual(
        [1, 2, 3].map(n => [before.seq + n, before.size + n]),
      ),
    ),
  )
  expect(behind).toEqual([false, false, false])
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => send(mail(i % 2 ? alice : bob), i % 4 === 3 ? other : db)),
  )
  const mine = answers.filter((_, i) => i % 4 !== 3).map(({ seq }) => seq)
  expect(mine).toEqual(mine.toSorted((x, y) => x - y))
  expect(answers.map(({ seq }) => seq).toSorted((x, y) => x - y)).toEqual(
    answers.map((_, i) => before.seq + 4 + i),
  )
  expect((await headOf()).size).toBe(before.size + 4 + answers.length)
})

test('meshes by turns are foretold each for itself', async () => {
  const there = await newMesh(db)
  const [a, b] = [await attached(there, there.owner), await attached(there, there.owner)]
  for (const one of [mail(), mail(a, b, there)]) await send(one)
  // Behind misses by others batches rest from being hashed; here nobody else writes.
  const told = await during(async () => {
    for (let turn = 0; turn < 80; turn++) await send(turn % 2 ? mail() : mail(a, b, there))
  })
  expect(told.slice(-4)).toEqual([true, true, true, true])
  expect(told).not.toContain(false)
  expect(await send(mail(alice, bob, { ...at, mesh: random(32) }))).toMatchObject({ error: 'unknown-mesh' })
  expect(await send(mail(a, bob, there))).toMatchObject({
    error: 'unknown-recipient',
    recipients: ['unknown'],
  })
  expect(await send(mail(bob, a, there))).toMatchObject({ error: 'not-attached' })
})

test('who is removed is known no more, as recipient and as sender', async () => {
  const gone = await attached(at, await join(at))
  for (const one of [mail(alice, gone), mail(alice, gone), mail(gone, bob)]) await send(one)
  const { seq } = await send(mail(gone, bob))
  await remove(at, gone.recipient.member)
  expect(await send(mail(alice, gone))).toMatchObject({ error: 'unknown-recipient', recipients: ['removed'] })
  expect(await send(mail(gone, bob))).toMatchObject({ error: 'removed', seq: 0 })
  expect(await send(mail())).toMatchObject({ error: null, seq: seq + 1 })
})

test('nothing is accepted for a session after the time it is known until, and all for one that was renewed', async () => {
  const until = Date.now() + 400
  const brief = await attached(at, at.owner, { notAfter: until - TIMES.knownMs })
  const times: number[] = []
  let answer = await send(mail(alice, brief))
  for (; answer.error === null; answer = await send(mail(alice, brief))) times.push(answer.at)
  expect(answer).toMatchObject({ error: 'unknown-recipient', recipients: ['unknown'] })
  for (const time of times) expect(time).toBeLessThanOrEqual(until)
  const certificate = certificateOf(at, brief.recipient, brief.uuid, Date.now() + TIMES.knownMs)
  const record = presenceOf(at, brief.recipient, 2)
  await putPresence(db, { mesh: at.mesh, record, certificate, now: Date.now() })
  for (const foretold of [undefined, true]) {
    const told = await during(async () => expect((await send(mail(alice, brief))).error).toBe(null))
    expect(told).toEqual([foretold])
  }
})

test('behind a connection that was lost nothing is foretold', async () => {
  await send(mail())
  expect(await during(() => send(mail()))).toEqual([true])
  const [row] = await db.lane.call<{ pid: number }>('select pg_backend_pid() as pid', [])
  await db.sql`select pg_terminate_backend(${row!.pid}, 5000)`
  const before = await headOf()
  let told: (boolean | undefined)[] = []
  // The first may meet the end of the old connection: its sender hears `unavailable` and says it again.
  for (let tries = 0; told.length === 0; tries++)
    told = await during(() => send(mail())).catch(error => {
      if (tries > 0) throw error
      return []
    })
  expect(told).toEqual([undefined])
  expect((await headOf()).seq).toBe(before.seq + 1)
})
