import { compareBytes } from '@claudemesh/protocol'
import { beforeAll, expect, test } from 'vitest'
import {
  appendRoster,
  createMesh,
  type Database,
  findInviteMesh,
  findMember,
  rosterPage,
} from '../src/index.ts'
import { freshDatabase, openTest } from './test-database.ts'
import {
  append,
  firstEntries,
  invite,
  join,
  newMesh,
  nextEntry,
  random,
  remove,
  type TestMesh,
} from './world.ts'

let db: Database
let url: string
let at: TestMesh

beforeAll(async () => {
  ;({ db, url } = await freshDatabase())
  at = await newMesh(db)
})

test('a mesh is made once: the same chain finds it standing, another is a conflict', async () => {
  const mesh = random(32)
  const entries = firstEntries(mesh, random(32)).map(entry => ({ entry, hash: random(32) }))
  const now = Date.now()
  expect(await createMesh(db, { mesh, entries, now })).toEqual({ created: true })
  expect(await createMesh(db, { mesh, entries, now })).toEqual({ created: false })
  const other = entries.map(one => ({ ...one, hash: random(32) }))
  await expect(createMesh(db, { mesh, entries: other, now })).rejects.toMatchObject({ code: 'conflict' })
})

test('of many appends on one head exactly one wins, and the losers learn the head', async () => {
  const doors = [db, await openTest(url)]
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      appendRoster(doors[i % 2]!, {
        mesh: at.mesh,
        ...nextEntry(at, { kind: 'rename', body: { name: random(298) } }),
        expectedSeq: at.seq,
        expectedHead: at.head,
        copies: [],
        now: Date.now(),
      }),
    ),
  )
  const won = outcomes.filter(one => 'seq' in one)
  expect(won.length).toBe(1)
  const winner = won[0]!
  if (!('seq' in winner)) throw new Error('a winner was expected')
  for (const lost of outcomes)
    if ('conflict' in lost) expect(compareBytes(lost.conflict.head, winner.head)).toBe(0)
  at.seq = winner.seq
  at.head = winner.head
  const page = await rosterPage(db, { mesh: at.mesh, from: 0, limit: 100, reader: at.owner })
  expect(page.entries.map(entry => entry.kind)).toEqual(['genesis', 'broker', 'rename'])
  expect(page.headSeq).toBe(at.seq)
  expect(compareBytes(page.head, at.head)).toBe(0)
})

test("a join makes a member with the invite's role, once, and a removal is for ever", async () => {
  const { code, hash } = await invite(at, 'viewer')
  expect(compareBytes((await findInviteMesh(db, code))!, at.mesh)).toBe(0)
  expect(await findInviteMesh(db, random(16))).toBe(null)
  const member = await join(at, hash)
  const [row] = await db.sql`select role from mesh.member where key = ${member}`
  expect(row!.role).toBe('viewer')
  expect(await findMember(db, { mesh: at.mesh, member })).toEqual({ removed: false })
  await remove(at, member)
  expect(await findMember(db, { mesh: at.mesh, member })).toEqual({ removed: true })
  expect(await findMember(db, { mesh: at.mesh, member: random(32) })).toBe(null)
  const body = { invite: hash, bundle: { x25519: random(32), xwing: random(1216) }, name: random(298) }
  const before = await rosterPage(db, { mesh: at.mesh, from: 0, limit: 100, reader: member })
  await expect(append(at, { kind: 'join', author: member, body })).rejects.toMatchObject({ code: 'conflict' })
  const after = await rosterPage(db, { mesh: at.mesh, from: 0, limit: 100, reader: member })
  expect(after.headSeq).toBe(before.headSeq)
})

test('each reader gets the epoch keys sealed to it, with the entries that begin them', async () => {
  const member = await join(at)
  const copies = [at.owner, member].map(to => ({ to, copy: random(1200) }))
  const epoch = { number: 2, commitment: random(32), root: random(32), previous: random(72) }
  await append(at, { kind: 'rekey', body: { epoch } }, copies)
  const page = (from: number, reader: Uint8Array) =>
    rosterPage(db, { mesh: at.mesh, from, limit: 256, reader })
  const mine = await page(0, member)
  expect(mine.copies.map(one => [one.epoch, compareBytes(one.copy, copies[1]!.copy)])).toEqual([[2, 0]])
  expect((await page(at.seq + 1, member)).copies).toEqual([])
  expect((await page(0, random(32))).copies).toEqual([])
  await expect(rosterPage(db, { mesh: random(32), from: 0, limit: 1, reader: member })).rejects.toMatchObject(
    { code: 'unknown-mesh' },
  )
})
