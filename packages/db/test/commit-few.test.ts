/** Some envelopes, and acks, that are foretold: they read the same as those that are looked up, and whatever is not so is looked up. */
import { encodeFields, type Field, leafHash } from '@claudemesh/crypto'
import { compareBytes, type Recipient } from '@claudemesh/protocol'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type AcceptItem,
  type AckItem,
  appendAudit,
  auditLeaves,
  commit,
  type Database,
} from '../src/index.ts'
import { keepFunctions } from '../src/install-functions.ts'
import { freshDatabase } from './test-database.ts'
import {
  attached,
  item,
  join,
  newMesh,
  random,
  remove,
  type TestMesh,
  type TestSession,
  wholeQueue,
} from './world.ts'

let db: Database
let at: TestMesh
let alice: TestSession
let bob: TestSession
let person: TestSession
/** The functions that the lane called, and whether each answered. */
let calls: string[] = []
let given: { statement: string; parameters: readonly (string | number | Uint8Array | null)[] }[] = []

beforeAll(async () => {
  ;({ db } = await freshDatabase())
  await keepFunctions(db)
  db = watched(db)
  at = await newMesh(db)
  alice = await attached(at, at.owner)
  bob = await attached(at, await join(at))
  person = await attached(at, at.owner, { session: null })
})

function watched(plain: Database): Database {
  const { lane } = plain
  const call: Database['lane']['call'] = async (statement, parameters) => {
    const name = /commit_\w+/.exec(statement)![0]
    given.push({ statement, parameters })
    try {
      const rows = await lane.call<never>(statement, parameters)
      const [row] = rows as { taken?: boolean; gone?: string | null }[]
      calls.push(row?.taken === false || row?.gone === null ? `${name} refused` : name)
      return rows
    } catch (cause) {
      calls.push(`${name} refused`)
      throw cause
    }
  }
  return { ...plain, lane: { ...lane, call } }
}

const mail = (from = alice, to = bob) => item(at, from.recipient, [to.recipient])
const send = async (...accepts: AcceptItem[]) => (await commit(db, { accepts, acks: [] })).accepts
const ackOf = ({ recipient, attachment }: TestSession, upTo: number): AckItem => ({
  mesh: at.mesh,
  recipient,
  attachment,
  upTo,
})
const ack = async (...acks: AckItem[]) => (await commit(db, { accepts: [], acks })).acks
const waiting = (recipient: Recipient) => wholeQueue(db, { mesh: at.mesh, recipient })
const headOf = async () =>
  (
    await db.sql<{ seq: number; size: number; queued: number }[]>`
      select seq::int, audit_size::int as size, queued::int from mesh.mesh_head where mesh = ${at.mesh}`
  )[0]!
/** The leaves from `from` on, each as it is hashed by the specification. */
async function leavesFrom(from: number, type: string, fields: readonly Field[][]) {
  const leaves = await auditLeaves(db, { mesh: at.mesh, from, to: from + fields.length })
  for (const [i, { index, hash, body }] of leaves.entries()) {
    expect([index, body!.type]).toEqual([from + i, type])
    expect(compareBytes(body!.fields, encodeFields(fields[i]!))).toBe(0)
    const leaf = { salt: body!.salt, index, at: body!.at, type: type as 'accepted', fields: fields[i]! }
    expect(compareBytes(hash, leafHash(leaf))).toBe(0)
  }
  expect(new Set(leaves.map(({ body }) => Buffer.from(body!.salt).toString('hex'))).size).toBe(fields.length)
}
/** All is known of all of them, and nothing waits; behind misses nothing rests any more. */
beforeEach(async () => {
  for (let rested = 0; rested < 6; rested++)
    for (const [from, to] of [
      [alice, bob],
      [bob, alice],
      [person, bob],
      [alice, person],
    ] as const)
      await send(mail(from, to))
  const { seq } = await headOf()
  for (const who of [alice, bob, person]) await ack(ackOf(who, seq))
  calls = []
  given = []
})

test('some envelopes are one call, and queue and log hold what was sent', async () => {
  const before = await headOf()
  const mails = [mail(), mail(bob, alice), mail(), mail(alice, person)]
  const answers = await send(...mails)
  expect(calls).toEqual(['commit_few'])
  expect(
    answers.map(({ error, seq, auditIndex, recipients }) => [error, seq, auditIndex, recipients]),
  ).toEqual(mails.map((_, i) => [null, before.seq + 1 + i, before.size + i, ['queued']]))
  expect(await headOf()).toEqual({ seq: before.seq + 4, size: before.size + 4, queued: before.queued + 4 })
  await leavesFrom(
    before.size,
    'accepted',
    mails.map((one, i) => [
      one.id,
      one.from.member,
      one.from.session,
      before.seq + 1 + i,
      one.recipientsHash,
    ]),
  )
  for (const [who, theirs] of [
    [bob, [mails[0]!, mails[2]!]],
    [alice, [mails[1]!]],
    [person, [mails[3]!]],
  ] as const) {
    const rows = await waiting(who.recipient)
    expect(rows.length).toBe(theirs.length)
    for (const [i, row] of rows.entries()) {
      if (row.kind !== 'envelope') throw new Error('an envelope was expected')
      const one = theirs[i]!
      for (const [got, meant] of [
        [row.header, one.header],
        [row.body, one.body],
        [row.slot, one.to[0]!.slot],
      ] as const)
        expect(compareBytes(got, meant)).toBe(0)
    }
  }
})

test('acks are one call: what they cover leaves the queue, and their leaves say so, those of persons first', async () => {
  const { length } = await send(mail(), mail(bob, alice), mail(), mail(alice, person))
  const before = await headOf()
  const low = before.seq - length
  calls = []
  expect(
    await ack(ackOf(bob, before.seq - 2), ackOf(person, before.seq), ackOf(alice, before.seq - 1)),
  ).toEqual([
    { error: null, deleted: 1, ackedUpTo: before.seq - 2 },
    { error: null, deleted: 1, ackedUpTo: before.seq },
    { error: null, deleted: 1, ackedUpTo: before.seq - 1 },
  ])
  expect(calls).toEqual(['commit_acks'])
  expect(await headOf()).toEqual({ seq: before.seq, size: before.size + 3, queued: before.queued - 3 })
  await leavesFrom(before.size, 'delivered', [
    [person.recipient.member, null, low + 1, before.seq],
    [bob.recipient.member, bob.recipient.session, low + 1, before.seq - 2],
    [alice.recipient.member, alice.recipient.session, low + 1, before.seq - 1],
  ])
  // The next one goes on from there, and says so.
  expect(await ack(ackOf(bob, before.seq))).toEqual([{ error: null, deleted: 1, ackedUpTo: before.seq }])
  await leavesFrom(before.size + 3, 'delivered', [
    [bob.recipient.member, bob.recipient.session, before.seq - 1, before.seq],
  ])
  expect(calls).toEqual(['commit_acks', 'commit_acks'])
  for (const who of [alice, bob, person]) expect(await waiting(who.recipient)).toEqual([])
})

test('whatever of the foretold is not so, nothing of it is written', async () => {
  await send(mail(), mail())
  const { seq } = await headOf()
  await ack(ackOf(bob, seq))
  const add = (by: number) => (value: unknown) => Number(value) + by
  const list = (change: (value: unknown) => number) => (value: unknown) =>
    `{${change(String(value).slice(1, -1))}}`
  const lies: Record<string, [string, number, (value: unknown) => number | string][]> = {
    commit_few: [
      ['mesh', 0, add(1000)],
      ['seq', 1, add(1)],
      ['index', 2, add(-1)],
      ['roster', 3, add(-1)],
      ['time', 4, add(6000)],
      ['time', 4, add(-6000)],
    ],
    commit_acks: [
      ['mesh', 0, add(1000)],
      ['index', 1, add(1)],
      ['roster', 2, add(-1)],
      ['time', 3, add(6000)],
      ['time', 3, add(-6000)],
      ['recipient', 4, list(add(1000))],
      ['attachment', 5, list(add(1))],
      ['mark', 6, list(add(-1))],
      ['what was never numbered', 7, list(add(1))],
    ],
  }
  await send(mail(), mail())
  const [few, acks] = [
    given.findLast(({ statement }) => statement.includes('commit_few'))!,
    given.findLast(({ statement }) => statement.includes('commit_acks'))!,
  ]
  const before = await headOf()
  /** The same call as it would be right now. */
  const afresh = {
    commit_few: few.parameters
      .with(1, before.seq + 1)
      .with(2, before.size)
      .with(4, Date.now()),
    commit_acks: acks.parameters
      .with(1, before.size)
      .with(3, Date.now())
      .with(6, `{${seq}}`)
      .with(7, `{${before.seq}}`),
  }
  for (const [name, { statement }] of [
    ['commit_few', few],
    ['commit_acks', acks],
  ] as const)
    for (const [what, place, lie] of lies[name]!) {
      const parameters = afresh[name]
      const told = db.lane.call(statement, parameters.with(place, lie(parameters[place]))).catch(String)
      calls = []
      if (['recipient', 'attachment', 'mark'].includes(what)) expect(await told).toContain('not as foretold')
      else expect([await told, calls], `${name}: ${what}`).toEqual([expect.anything(), [`${name} refused`]])
      expect(await headOf(), `${name}: ${what}`).toEqual(before)
    }
  // An id that stands already.
  await expect(db.lane.call(few.statement, afresh.commit_few)).rejects.toThrow('delivery_id')
  expect(await headOf()).toEqual(before)
  await db.lane.call(acks.statement, afresh.commit_acks)
  expect(await headOf()).toEqual({ ...before, size: before.size + 1, queued: before.queued - 2 })
  expect(await waiting(bob.recipient)).toEqual([])
})

test('behind a leaf of others, a repeat and a newer attachment all is looked up, and answered as ever', async () => {
  const [first] = await send(mail(), mail())
  await appendAudit(db, { mesh: at.mesh, type: 'limited', fields: encodeFields(['rate', 3]) })
  const before = await headOf()
  const known = mail()
  const answers = await Promise.all([send(known, mail()), ack(ackOf(bob, first!.seq)), send(mail(), mail())])
  expect(calls).toContain('commit_few refused')
  expect(answers.flat().map(({ error }) => error)).toEqual([null, null, null, null, null])
  expect(await headOf()).toEqual({ seq: before.seq + 4, size: before.size + 5, queued: before.queued + 3 })

  const [again, fresh] = await send(known, mail())
  expect(again).toEqual({ ...answers[0][0], repeat: true })
  expect(fresh).toMatchObject({ error: null, seq: before.seq + 5, repeat: false })

  const stale = ackOf(bob, before.seq + 5)
  bob = await attached(at, bob.recipient.member, { session: bob.recipient.session })
  expect(await ack(stale)).toMatchObject([{ error: 'replaced', deleted: 0 }])
  expect(await ack(ackOf(bob, before.seq + 6))).toMatchObject([{ error: 'bad-ack' }])
  expect(await ack(ackOf(bob, before.seq + 5))).toMatchObject([{ error: null, deleted: 6 }])
})

test('who is removed is known no more, as sender, recipient and acker', async () => {
  const gone = await attached(at, await join(at))
  for (let i = 0; i < 3; i++) await send(mail(gone, bob))
  for (let i = 0; i < 3; i++) await send(mail(alice, gone))
  const { seq } = await headOf()
  await ack(ackOf(gone, seq - 2))
  await remove(at, gone.recipient.member)
  const answers = await send(mail(alice, gone), mail(gone, bob), mail())
  expect(answers.map(({ error }) => error)).toEqual(['unknown-recipient', 'removed', null])
  expect(await ack(ackOf(gone, seq))).toMatchObject([{ error: 'replaced' }])
})

test('the content of an id that stands is not another’s, whichever call it comes by', async () => {
  const one = mail()
  await send(one)
  const answers = await send({ ...one, contentHash: random(32) }, mail())
  expect(answers.map(({ error }) => error)).toEqual(['conflict', null])
})
