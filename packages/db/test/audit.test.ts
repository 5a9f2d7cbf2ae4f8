import { encodeFields, type Field, type LeafType, leafHash } from '@claudemesh/crypto'
import { compareBytes, type Recipient } from '@claudemesh/protocol'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import {
  appendAudit,
  auditDue,
  auditLeaves,
  checkpointsIn,
  commit,
  type Database,
  detach,
  dropAuditDays,
  ensureAuditDays,
  expireDue,
  leafHashes,
  migrate,
  newestCheckpoint,
  openAsWriter,
  putCheckpoint,
  subtreeHashes,
} from '../src/index.ts'
import { freshDatabase, openTest } from './test-database.ts'
import { attached, item, join, NODE, newMesh, random, signFact, type TestMesh } from './world.ts'

let db: Database
let url: string
let at: TestMesh

interface LeafRow {
  index: string
  at: string
  salt: Uint8Array
  type: LeafType
  fields: Uint8Array
  hash: Uint8Array
}

beforeAll(async () => {
  ;({ db, url } = await freshDatabase())
  at = await newMesh(db)
})

const leaves = () => db.sql<
  LeafRow[]
>`select l.index, ${db.fn}.ms(l.at) as at, l.salt, l.type, l.fields, l.hash
  from mesh.audit_leaf l join mesh.mesh_head h on h.id = l.mesh_id where h.mesh = ${at.mesh} order by l.index`

test('every leaf that SQL hashes is the leaf that crypto hashes, over the fields that were meant', async () => {
  const now = Date.now()
  const alice = await attached(at, at.owner)
  const person = await attached(at, await join(at), { session: null })
  const mail = item(at, alice.recipient, [person.recipient])
  const due = item(at, person.recipient, [alice.recipient], { expiresAt: now })
  const { accepts } = await commit(db, { accepts: [mail, due], acks: [] })
  const ack = {
    mesh: at.mesh,
    recipient: person.recipient,
    attachment: person.attachment,
    upTo: accepts[0]!.seq,
  }
  await commit(db, { accepts: [], acks: [ack] })
  // Alone, and beside one for several: other statements, the same leaf.
  const alone = item(at, person.recipient, [person.recipient])
  const [single] = (await commit(db, { accepts: [alone], acks: [] })).accepts
  const several = item(at, alice.recipient, [person.recipient, alice.recipient])
  const beside = item(at, alice.recipient, [person.recipient])
  const mixed = (await commit(db, { accepts: [several, beside], acks: [] })).accepts
  await expireDue(db, { now, limit: 10, node: NODE, live: [], sign: signFact })
  await detach(db, { mesh: at.mesh, seats: [{ recipient: alice.recipient, attachment: 1 }], now })
  await appendAudit(db, { mesh: at.mesh, type: 'limited', fields: encodeFields(['rate', 3]) })

  const who = (r: Recipient): Field[] => [r.member, r.session]
  const [a, p] = [who(alice.recipient), who(person.recipient)]
  const meant: [LeafType, Field[]][] = [
    ['attached', [...a, 1]],
    ['attached', [...p, 1]],
    ['accepted', [mail.id, ...a, accepts[0]!.seq, mail.recipientsHash]],
    ['accepted', [due.id, ...p, accepts[1]!.seq, due.recipientsHash]],
    ['delivered', [...p, 1, accepts[0]!.seq]],
    ['accepted', [alone.id, ...p, single!.seq, alone.recipientsHash]],
    ['accepted', [several.id, ...a, mixed[0]!.seq, several.recipientsHash]],
    ['accepted', [beside.id, ...a, mixed[1]!.seq, beside.recipientsHash]],
    ['expired', [due.id, ...p, ...a, accepts[1]!.seq]],
    ['detached', [...a, 1]],
    ['limited', ['rate', 3]],
  ]
  const rows = await leaves()
  const told = rows.filter(row => row.type !== 'roster' && row.type !== 'invite-used')
  expect(told.map(row => row.type)).toEqual(meant.map(([type]) => type))
  expect(told[2]!.index).toBe(String(accepts[0]!.auditIndex))
  expect(Number(told[2]!.at)).toBe(accepts[0]!.at)
  for (const [i, row] of told.entries()) {
    const [type, fields] = meant[i]!
    expect(compareBytes(row.fields, encodeFields(fields)), type).toBe(0)
    const expected = leafHash({ salt: row.salt, index: Number(row.index), at: Number(row.at), type, fields })
    expect(compareBytes(row.hash, expected), type).toBe(0)
  }
  expect(rows.map(row => Number(row.index))).toEqual(rows.map((_, i) => i))
  expect(rows.map(row => Number(row.at))).toEqual(rows.map(row => Number(row.at)).toSorted((x, y) => x - y))
})

test.each([
  'update mesh.audit_checkpoint set note = note',
  'delete from mesh.audit_checkpoint',
  'truncate mesh.audit_checkpoint',
  'update mesh.audit_subtree set hash = hash',
  'delete from mesh.audit_subtree',
  'truncate mesh.audit_subtree',
  'update mesh.audit_pruned set hash = hash',
  'delete from mesh.audit_pruned',
  'truncate mesh.audit_pruned',
  'update mesh.audit_leaf set type = type',
  'delete from mesh.audit_leaf',
  'truncate mesh.audit_leaf',
  'truncate mesh.audit_chunk',
])('the log takes INSERT only: %s is refused', async statement => {
  await expect(db.sql.unsafe(statement)).rejects.toThrow('INSERT only')
})

test('a partition is no way around the guard', async () => {
  const [day] = await db.sql<
    { name: string }[]
  >`select tableoid::regclass::text as name from mesh.audit_leaf limit 1`
  expect(day!.name).toMatch(/audit_leaf_\d{8}/)
  for (const statement of [
    `update ${day!.name} set type = type`,
    `delete from ${day!.name}`,
    `truncate ${day!.name}`,
  ]) {
    await expect(db.sql.unsafe(statement)).rejects.toThrow('INSERT only')
  }
})

test("the broker's own role may add to the log and read it, and is refused before any trigger is asked", async () => {
  const { db: writer, guarded } = await openAsWriter({ url })
  onTestFinished(() => writer.close())
  expect(guarded).toBe(true)
  for (const speak of [
    (statement: string) => writer.sql.unsafe(statement),
    (statement: string) => writer.lane.call(statement, []),
  ]) {
    const [row] = (await speak('select current_user::text as role')) as unknown as { role: string }[]
    expect(row!.role).toBe('claudemesh_writer')
    for (const table of [
      'audit_leaf',
      'audit_leaf_default',
      'audit_chunk',
      'audit_chunk_default',
      'audit_pruned',
      'audit_subtree',
      'audit_checkpoint',
    ])
      for (const statement of [
        `update mesh.${table} set mesh_id = mesh_id`,
        `delete from mesh.${table}`,
        `truncate mesh.${table}`,
        `drop table mesh.${table}`,
        `alter table mesh.${table} disable trigger all`,
      ])
        await expect(speak(statement), statement).rejects.toThrow(/permission denied|must be owner/)
  }
  const index = await appendAudit(writer, { mesh: at.mesh, type: 'limited', fields: random(4) })
  expect((await auditLeaves(writer, { mesh: at.mesh, from: index, to: index + 1 }))[0]!.body!.type).toBe(
    'limited',
  )
  await ensureAuditDays(writer, { now: Date.now() + 40 * 86_400_000 })
})

test('where the database’s own role may make no others, the triggers alone guard the log, and everything else works', async () => {
  const name = `plain_${random(6).toHex()}`
  await db.sql.unsafe(`create role ${name} login password '${name}' nosuperuser nocreaterole`)
  await db.sql.unsafe(`create database ${name} owner ${name}`)
  const address = Object.assign(new URL(url), { username: name, password: name, pathname: `/${name}` }).href
  const owner = await openTest(address)
  await migrate(owner)
  const { db: plain, guarded } = await openAsWriter({ url: address })
  onTestFinished(() => plain.close())
  expect(guarded).toBe(false)
  const mesh = await newMesh(plain)
  await appendAudit(plain, { mesh: mesh.mesh, type: 'limited', fields: random(4) })
  for (const table of ['audit_leaf', 'audit_checkpoint'])
    for (const statement of [
      `update mesh.${table} set mesh_id = mesh_id`,
      `delete from mesh.${table}`,
      `truncate mesh.${table}`,
    ])
      await expect(plain.sql.unsafe(statement), statement).rejects.toThrow('the audit log takes INSERT only')
  expect((await leafHashes(plain, { mesh: mesh.mesh, from: 0, to: 9 })).length).toBe(3)
})

test('a checkpoint, its leaf and its subtrees stand together, and one size is signed once', async () => {
  const mesh = await newMesh(db)
  const due = async () =>
    (await auditDue(db, { limit: 1000 })).find(head => compareBytes(head.mesh, mesh.mesh) === 0)
  const head = (await due())!
  expect(head).toMatchObject({ size: 2, rosterSeq: mesh.seq, checkpoint: null })
  const put = (size: number, note: string) =>
    putCheckpoint(db, {
      mesh: mesh.mesh,
      checkpoint: { size, note },
      fields: encodeFields([size, random(32)]),
      subtrees: [{ level: 8, index: 0, hash: random(32) }],
    })
  expect([await put(2, 'one'), await put(2, 'other')]).toEqual([true, false])
  expect(await newestCheckpoint(db, mesh.mesh)).toEqual({ size: 2, note: 'one' })
  expect(await due()).toBe(undefined)
  expect((await subtreeHashes(db, { mesh: mesh.mesh, level: 8, from: 0, to: 256 })).length).toBe(1)
  await appendAudit(db, { mesh: mesh.mesh, type: 'limited', fields: random(4) })
  expect(await due()).toMatchObject({ size: 4, checkpoint: { size: 2, note: 'one' } })
  expect(await put(4, 'two')).toBe(true)
  const between = (above: number) => checkpointsIn(db, { mesh: mesh.mesh, above, upTo: 9, limit: 9 })
  expect((await between(0)).map(one => one.note)).toEqual(['one', 'two'])
  expect((await between(2)).map(one => one.note)).toEqual(['two'])
  expect((await leafHashes(db, { mesh: mesh.mesh, from: 1, to: 9 })).length).toBe(4)
})

test('retention drops the leaves of whole days and no hash', async () => {
  const hashes = () => leafHashes(db, { mesh: at.mesh, from: 0, to: 1e6 })
  const standing = async () => (await db.sql`select count(*)::int as n from mesh.audit_leaf`)[0]!.n
  const [before, leavesBefore] = [await hashes(), await standing()]
  expect(before.length).toBe((await leaves()).length)
  expect(await dropAuditDays(db, { before: Date.now() - 2 * 86_400_000 })).toBe(0)
  expect(await standing()).toBe(leavesBefore)
  expect(await dropAuditDays(db, { before: Date.now() + 86_400_000 })).toBeGreaterThan(0)
  expect(await standing()).toBe(0)
  expect(await hashes()).toEqual(before)
  await ensureAuditDays(db, { now: Date.now() })
  await appendAudit(db, { mesh: at.mesh, type: 'limited', fields: random(4) })
  expect(await standing()).toBe(1)
  expect((await hashes()).length).toBe(before.length + 1)
})
