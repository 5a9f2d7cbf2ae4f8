import type { Recipient } from '@claudemesh/protocol'
import { beforeAll, expect, test } from 'vitest'
import { type AcceptItem, commit, type Database, queueDepth } from '../src/index.ts'
import { freshDatabase } from './test-database.ts'
import {
  attached,
  item,
  join,
  newMesh,
  random,
  type TestMesh,
  type TestSession,
  wholeQueue,
} from './world.ts'

let db: Database
let at: TestMesh
let alice: TestSession
let bob: TestSession

beforeAll(async () => {
  ;({ db } = await freshDatabase())
  at = await newMesh(db)
  alice = await attached(at, at.owner)
  bob = await attached(at, await join(at))
})

const send = async (...accepts: AcceptItem[]) => (await commit(db, { accepts, acks: [] })).accepts
const ack = async ({ recipient, attachment }: TestSession, upTo: number) =>
  (await commit(db, { accepts: [], acks: [{ mesh: at.mesh, recipient, attachment, upTo }] })).acks[0]!
const read = (recipient: Recipient, after = 0) => wholeQueue(db, { mesh: at.mesh, recipient, after })
const hex = (...parts: Uint8Array[]) => Buffer.concat(parts).toString('hex')

test('crowds under way at once, and those that follow in their memory, stand in the queue byte for byte', async () => {
  const { seq: before } = (await send(item(at, alice.recipient, [bob.recipient])))[0]!
  const crowds = Array.from({ length: 6 }, (_, n) =>
    Array.from({ length: 40 + n }, () => item(at, alice.recipient, [bob.recipient], { body: random(900) })),
  )
  await Promise.all(crowds.slice(0, 3).map(crowd => send(...crowd)))
  await Promise.all(crowds.slice(3).map(crowd => send(...crowd)))
  const rows = await read(bob.recipient, before)
  const stored = rows.map(row => (row.kind === 'envelope' ? hex(row.header, row.slot, row.body) : row.kind))
  const sent = crowds.flat().map(mail => hex(mail.header, mail.to[0]!.slot, mail.body))
  expect(stored).toEqual(sent)
  await ack(bob, rows.at(-1)!.seq)
})

test('a repeat in a crowd keeps its place, and the others get numbers without a gap', async () => {
  const crowd = () => Array.from({ length: 40 }, () => item(at, alice.recipient, [bob.recipient]))
  const depth = await queueDepth(db)
  const first = await send(...crowd())
  const mail = item(at, alice.recipient, [bob.recipient])
  const [one] = await send(mail)
  const others = crowd()
  const answers = await send(...others, mail, { ...mail, id: others[0]!.id })
  expect(answers[40]).toEqual({ ...one!, repeat: true })
  expect(answers[41]!.error).toBe('conflict')
  const all = [...first, one!, ...answers.slice(0, 40)]
  expect(all.map(a => a.seq - first[0]!.seq)).toEqual(all.map((_, i) => i))
  expect(all.map(a => a.auditIndex - first[0]!.auditIndex)).toEqual(all.map((_, i) => i))
  expect(await queueDepth(db)).toBe(depth + all.length)
  expect((await read(bob.recipient)).slice(-all.length).map(row => row.seq)).toEqual(all.map(a => a.seq))
  expect((await ack(bob, all.at(-1)!.seq)).deleted).toBeGreaterThanOrEqual(all.length)
})
