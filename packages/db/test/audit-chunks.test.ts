/** Leaves that were hashed before their commit, and stand many in a row: the same log as one by one, and as hard to change. */
import {
  encodeFields,
  type Field,
  generateSigner,
  LogVerifier,
  leafHash,
  leavesOf,
  signCheckpoint,
  storedLeafHash,
  TreeFrontier,
} from '@claudemesh/crypto'
import { compareBytes, MeshError } from '@claudemesh/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type AcceptItem,
  type AckItem,
  type AuditLeafRow,
  appendAudit,
  auditLeaves,
  auditRows,
  commit,
  type Database,
  dropAuditDays,
  leafHashes,
} from '../src/index.ts'
import { keepFunctions } from '../src/install-functions.ts'
import { freshDatabase, openTest } from './test-database.ts'
import { attached, item, join, newMesh, random, type TestMesh, type TestSession } from './world.ts'

let db: Database
let url: string
let at: TestMesh
let alice: TestSession
let bob: TestSession
let person: TestSession
const sent: {
  readonly item: AcceptItem
  readonly seq: number
  readonly index: number
  readonly at: number
}[] = []

beforeAll(async () => {
  ;({ db, url } = await freshDatabase())
  await keepFunctions(db)
  at = await newMesh(db)
  alice = await attached(at, at.owner)
  bob = await attached(at, await join(at))
  person = await attached(at, at.owner, { session: null })
})

async function send(from: TestSession, count: number, on: Database = db, acks: AckItem[] = []) {
  const accepts = Array.from({ length: count }, () => item(at, from.recipient, [bob.recipient]))
  const answer = await commit(on, { accepts, acks })
  for (const [i, { error, seq, auditIndex, at: time }] of answer.accepts.entries()) {
    expect(error).toBe(null)
    sent.push({ item: accepts[i]!, seq, index: auditIndex, at: time })
  }
  return answer
}
const chunks = async () =>
  (
    await db.sql<
      { first: number; count: number }[]
    >`select index::int as first, octet_length(hashes) / 32 as count
      from mesh.audit_chunk order by index`
  ).map(({ first, count }) => [first, count])
const rowsOf = async (page: number) => {
  const leaves = []
  for await (const rows of auditRows(db, { mesh: at.mesh, page }))
    for (const row of rows) leaves.push(...('hashes' in row ? leavesOf(row) : [row]))
  return leaves
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
/** As text: comparing a thousand arrays of bytes takes the test runner minutes. */
const lines = (leaves: AuditLeafRow[]) =>
  leaves.map(({ index, hash, body }) =>
    [index, hex(hash), body?.at, body?.type, hex(body!.salt), hex(body!.fields)].join(),
  )
const hashesOf = async (from: number, to: number) =>
  (await leafHashes(db, { mesh: at.mesh, from, to })).map(hex)

test('the leaves of a batch stand in one row, whoever sent them; those of senders of both kinds in rows of their own', async () => {
  await send(alice, 40)
  expect(await chunks()).toEqual([])
  const first = sent.at(-1)!.index + 1
  await send(alice, 40)
  await send(person, 33)
  await send(alice, 31)
  await Promise.all([send(alice, 300), send(bob, 50)])
  expect(await chunks()).toEqual([
    [first, 40],
    [first + 40, 33],
    [first + 73, 31],
    [first + 104, 300],
    [first + 404, 50],
  ])
  const before = (await chunks()).length
  const accepts = [
    ...Array.from({ length: 20 }, () => item(at, alice.recipient, [bob.recipient])),
    ...Array.from({ length: 20 }, () => item(at, person.recipient, [bob.recipient])),
  ]
  const { accepts: answers } = await commit(db, { accepts, acks: [] })
  for (const [i, { seq, auditIndex, at: time }] of answers.entries())
    sent.push({ item: accepts[i]!, seq, index: auditIndex, at: time })
  expect((await chunks()).length).toBe(before)
})

test('what was foretold wrongly is committed all the same, with its true numbers', async () => {
  const before = (await chunks()).length
  const last = sent.at(-1)!
  await appendAudit(db, { mesh: at.mesh, type: 'limited', fields: encodeFields(['rate', 3]) })
  await send(alice, 40)
  expect(sent.at(-40)!.index).toBe(last.index + 2)
  expect((await chunks()).length).toBe(before)
  // An ack that moves nothing has no leaf: the commit under way behind it was told of one.
  const ack = { mesh: at.mesh, recipient: bob.recipient, attachment: bob.attachment, upTo: sent[50]!.seq }
  await send(alice, 40, db, [ack])
  await Promise.all([send(alice, 40, db, [ack]), send(alice, 40), send(alice, 40)])
  await send(alice, 40)
  expect((await chunks()).length).toBe(before + 3)
  // A repeat, a stranger: judged one by one.
  const again = sent.at(-1)!
  const accepts = [
    again.item,
    item(at, alice.recipient, [{ member: random(32), session: null }]),
    ...Array.from({ length: 40 }, () => item(at, alice.recipient, [bob.recipient])),
  ]
  const { accepts: answers } = await commit(db, { accepts, acks: [] })
  expect(answers[0]).toMatchObject({ repeat: true, auditIndex: again.index, at: again.at })
  expect(answers[1]!.error).toBe('unknown-recipient')
  for (const [i, { seq, auditIndex, at: time }] of answers.entries())
    if (i > 1) sent.push({ item: accepts[i]!, seq, index: auditIndex, at: time })
  expect((await chunks()).length).toBe(before + 3)
})

test('another node’s commits in between make no hole and no double', async () => {
  const other = await openTest(url)
  await keepFunctions(other)
  await Promise.all(
    Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? send(bob, 35, other) : send(alice, 45))),
  )
  const indexes = sent.map(({ index }) => index)
  expect(new Set(indexes).size).toBe(indexes.length)
})

test('each leaf is the one that crypto hashes, over the fields that were meant, however it is read', async () => {
  const [{ size = 0 } = {}] = await db.sql<
    { size: number }[]
  >`select audit_size::int as size from mesh.mesh_head
    where mesh = ${at.mesh}`
  const all = await auditLeaves(db, { mesh: at.mesh, from: 0, to: size })
  expect(all.map(leaf => leaf.index)).toEqual(Array.from({ length: size }, (_, i) => i))
  for (const { item: mail, seq, index, at: time } of sent) {
    const { hash, body } = all[index]!
    const fields: Field[] = [mail.id, mail.from.member, mail.from.session, seq, mail.recipientsHash]
    expect([body!.type, body!.at]).toEqual(['accepted', time])
    expect(compareBytes(body!.fields, encodeFields(fields))).toBe(0)
    expect(
      compareBytes(hash, leafHash({ salt: body!.salt, index, at: time, type: 'accepted', fields })),
    ).toBe(0)
  }
  expect(new Set(all.map(leaf => hex(leaf.body!.salt))).size).toBe(size)
  for (const leaf of all)
    expect(compareBytes(leaf.hash, storedLeafHash({ ...leaf.body!, index: leaf.index }))).toBe(0)
  const times = all.map(leaf => leaf.body!.at)
  expect(times).toEqual(times.toSorted((x, y) => x - y))
  // Pages and ranges that begin and end within chunks.
  for (const page of [37, 5000]) expect(lines(await rowsOf(page))).toEqual(lines(all))
  const [[first = 0, count = 0] = []] = (await chunks()).filter(([, n]) => n === 300)
  for (const [from, to] of [
    [first + 7, first + 8],
    [first - 2, first + 3],
    [first + count - 1, first + count + 2],
  ] as const) {
    expect(lines(await auditLeaves(db, { mesh: at.mesh, from, to }))).toEqual(lines(all.slice(from, to)))
    expect(await hashesOf(from, to)).toEqual(all.slice(from, to).map(leaf => hex(leaf.hash)))
  }
})

describe('whoever holds the database and', () => {
  let key: ReturnType<typeof generateSigner>
  let note: string
  /** The chunk of 300 leaves that is tampered with, and the head that was signed before it. */
  let first: number
  let signed: string[]

  beforeAll(async () => {
    key = generateSigner()
    const [[at300 = 0] = []] = (await chunks()).filter(([, n]) => n === 300)
    first = at300
    const rows = await rowsOf(5000)
    const head = (size: number) => {
      const tree = new TreeFrontier()
      for (const { hash } of rows.slice(0, size)) tree.push(hash)
      return signCheckpoint(
        { mesh: at.mesh, size, root: tree.root(), rosterSeq: at.seq, rosterHead: at.head },
        key,
      )
    }
    signed = [head(first), head(rows.length)]
    note = signed[1]!
    await db.sql.unsafe(`create table kept as table mesh.audit_chunk;
      alter table mesh.audit_chunk disable trigger all`)
    for (const { name } of await db.sql<
      { name: string }[]
    >`select inhrelid::regclass::text as name from pg_inherits
      where inhparent = 'mesh.audit_chunk'::regclass`)
      await db.sql.unsafe(`alter table ${name} disable trigger all`)
  })

  /** Fault and first bad index that a reader finds who knows the heads; then all is as it was. */
  async function found(statement: string): Promise<unknown> {
    await db.sql.unsafe(statement)
    const verifier = new LogVerifier({ mesh: at.mesh, keys: [key.publicKey], known: signed })
    try {
      for await (const rows of auditRows(db, { mesh: at.mesh, page: 200 }))
        for (const row of rows)
          if ('hashes' in row) verifier.run(row)
          else verifier.leaf({ ...row, pruned: row.body === null })
      verifier.checkpoint(note)
      return verifier.end().leaves
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      return [error.facts?.fault, error.facts?.firstBad]
    } finally {
      await db.sql.unsafe('truncate mesh.audit_chunk; insert into mesh.audit_chunk table kept')
    }
  }
  const update = (what: string) => `update mesh.audit_chunk set ${what} where index = ${first}`
  const WIDTH = 156

  test('changes nothing is believed', async () => {
    expect(await found('select')).toBe((await rowsOf(5000)).length)
  })

  test.each([
    [
      'turns a bit of fields',
      'bodies = set_byte(bodies, 7 * 156 + 99, get_byte(bodies, 7 * 156 + 99) # 1)',
      'edited',
      7,
    ],
    [
      'turns a bit of a salt',
      'bodies = set_byte(bodies, 9 * 156, get_byte(bodies, 9 * 156) # 1)',
      'edited',
      9,
    ],
    [
      'turns a bit of a hash',
      'hashes = set_byte(hashes, 11 * 32, get_byte(hashes, 11 * 32) # 1)',
      'edited',
      11,
    ],
    ['says another type', `type = 'expired'`, 'edited', 0],
    ['says another time', `at = at + interval '1 ms'`, 'edited', 0],
    ['says a time that is none', `at = 'infinity'`, 'edited', 0],
    ['moves two leaves', moved(), 'edited', 3],
    ['takes a leaf out of the middle', without(5), 'edited', 5],
    [
      'cuts the end of a chunk',
      `hashes = substring(hashes for 299 * 32), bodies = substring(bodies for 299 * 156)`,
      'missing',
      299,
    ],
    ['cuts its bodies alone', 'bodies = substring(bodies for 299 * 156)', 'edited', 0],
    ['empties its bodies', `bodies = ''`, 'edited', 0],
    ['empties its hashes', `hashes = ''`, 'edited', 0],
    ['puts a byte behind its bodies', `bodies = bodies || '\\x00'`, 'edited', 0],
    ['puts a byte behind its hashes', `hashes = hashes || '\\x00'`, 'edited', 0],
    ['moves a chunk on', 'index = index + 1', 'missing', 0],
    [
      'makes it longer than any',
      `hashes = decode(repeat(encode(hashes, 'hex'), 4), 'hex'), bodies = decode(repeat(encode(bodies, 'hex'), 4), 'hex')`,
      'edited',
      0,
    ],
  ])('%s is found', async (_, what, fault, place) => {
    expect(await found(update(what))).toEqual([fault, first + place])
  })

  test.each([
    ['deletes a chunk', (i: number) => `delete from mesh.audit_chunk where index = ${i}`, 'missing', 0],
    [
      'puts a chunk in twice',
      (i: number) => `insert into mesh.audit_chunk select * from mesh.audit_chunk where index = ${i}`,
      'twice',
      0,
    ],
    [
      'puts a leaf beside a chunk',
      (i: number) => `insert into mesh.audit_chunk select index + 4, at, mesh_id, type,
      substring(hashes from 4 * 32 + 1 for 32), substring(bodies from 4 * 156 + 1 for 156) from mesh.audit_chunk where index = ${i}`,
      'twice',
      4,
    ],
    [
      'puts a leaf beside a chunk whose later one was edited',
      (i: number) => `insert into mesh.audit_chunk select index + 4, at, mesh_id, type,
      substring(hashes from 4 * 32 + 1 for 32), substring(bodies from 4 * 156 + 1 for 156) from mesh.audit_chunk where index = ${i};
      update mesh.audit_chunk set bodies = set_byte(bodies, 7 * 156, get_byte(bodies, 7 * 156) # 1) where index = ${i}`,
      'twice',
      4,
    ],
    ['deletes the tail', (i: number) => `delete from mesh.audit_chunk where index >= ${i}`, 'missing', 0],
  ])('%s is found', async (_, statement, fault, place) => {
    expect(await found(statement(first))).toEqual([fault, first + place])
  })

  test('computes a chunk anew without the key is found, between the heads that were signed', async () => {
    const [row] = await db.sql<{ at: string; hashes: Uint8Array; bodies: Uint8Array }[]>`
      select ${db.fn}.ms(at) as at, hashes, bodies from mesh.audit_chunk where index = ${first}`
    const [hashes, bodies] = [Buffer.from(row!.hashes), Buffer.from(row!.bodies)]
    bodies[5 * WIDTH + 40]! ^= 1
    const body = bodies.subarray(5 * WIDTH, 6 * WIDTH)
    hashes.set(
      storedLeafHash({
        salt: body.subarray(0, 16),
        index: first + 5,
        at: Number(row!.at),
        type: 'accepted',
        fields: body.subarray(16),
      }),
      5 * 32,
    )
    const sql = `hashes = '\\x${hashes.toString('hex')}', bodies = '\\x${bodies.toString('hex')}'`
    expect(await found(update(sql))).toEqual(['changed', first])
  })
})

function moved(): string {
  const swap = (column: string, width: number) =>
    `${column} = substring(${column} for ${3 * width}) || substring(${column} from ${4 * width + 1} for ${width})
      || substring(${column} from ${3 * width + 1} for ${width}) || substring(${column} from ${5 * width + 1})`
  return `${swap('hashes', 32)}, ${swap('bodies', 156)}`
}
function without(place: number): string {
  const cut = (column: string, width: number) =>
    `${column} = substring(${column} for ${place * width}) || substring(${column} from ${(place + 1) * width + 1})`
  return `${cut('hashes', 32)}, ${cut('bodies', 156)}`
}

test('while another version says that it runs, leaves stand in rows of their own', async () => {
  const before = (await chunks()).length
  const node = await openTest(url)
  await db.sql`insert into mesh.function_set (name, used_at) values ('mesh_fn_0000000000000000', now())`
  await keepFunctions(node)
  await send(alice, 40, node)
  await send(alice, 40, node)
  expect((await chunks()).length).toBe(before)
  await db.sql`update mesh.function_set set used_at = now() - interval '3 hours' where name = 'mesh_fn_0000000000000000'`
  await keepFunctions(node)
  await send(alice, 40, node)
  expect((await chunks()).length).toBe(before + 1)
})

test('retention drops the chunks of whole days and no hash', async () => {
  const before = await hashesOf(0, 1e6)
  expect(await dropAuditDays(db, { before: Date.now() - 2 * 86_400_000 })).toBe(0)
  expect(await dropAuditDays(db, { before: Date.now() + 86_400_000 })).toBeGreaterThan(0)
  expect(await chunks()).toEqual([])
  expect(await hashesOf(0, 1e6)).toEqual(before)
  expect(before.length).toBe(sent.at(-1)!.index + 1)
})
