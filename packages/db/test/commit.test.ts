import { compareBytes, type Recipient } from '@claudemesh/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { type AcceptItem, commit, type Database, queueDepth, readQueue } from '../src/index.ts'
import { freshDatabase, openTest } from './test-database.ts'
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
let url: string
let at: TestMesh
let alice: TestSession
let bob: TestSession

beforeAll(async () => {
  ;({ db, url } = await freshDatabase())
  at = await newMesh(db)
  alice = await attached(at, at.owner)
  bob = await attached(at, await join(at))
})

const send = async (...accepts: AcceptItem[]) => (await commit(db, { accepts, acks: [] })).accepts
const ack = async (who: TestSession, upTo: number, attachment = who.attachment) =>
  (await commit(db, { accepts: [], acks: [{ mesh: at.mesh, recipient: who.recipient, attachment, upTo }] }))
    .acks[0]!
const read = (recipient: Recipient, after = 0, mesh = at.mesh) => wholeQueue(db, { mesh, recipient, after })

describe('accepting', () => {
  test('an accepted envelope stands in the queue, byte for byte', async () => {
    const mail = item(at, alice.recipient, [bob.recipient])
    const [answer] = await send(mail)
    expect(answer).toMatchObject({ error: null, recipients: ['queued'], repeat: false })
    const row = (await read(bob.recipient)).at(-1)!
    expect(row.seq).toBe(answer!.seq)
    if (row.kind !== 'envelope') throw new Error('an envelope was expected')
    for (const [got, sent] of [
      [row.header, mail.header],
      [row.body, mail.body],
      [row.slot, mail.to[0]!.slot],
    ] as const) {
      expect(compareBytes(got, sent)).toBe(0)
    }
  })

  test('while it is queued the same id and content get the same answer, other content is a conflict', async () => {
    const mail = item(at, alice.recipient, [bob.recipient])
    const [first] = await send(mail)
    const before = (await read(bob.recipient)).length
    const [again, other] = await send(mail, { ...mail, contentHash: random(32) })
    expect(again).toEqual({ ...first!, repeat: true })
    expect(other).toMatchObject({ error: 'conflict', seq: 0, recipients: [] })
    expect((await read(bob.recipient)).length).toBe(before)
  })

  test('an id is one over envelopes for one and for several, alone or among new ones in a batch', async () => {
    const carol = await attached(at, await join(at))
    const sole = item(at, alice.recipient, [bob.recipient])
    const several = item(at, alice.recipient, [bob.recipient, carol.recipient])
    const fresh = () => item(at, alice.recipient, [bob.recipient])
    const [one, many] = await send(sole, several)
    const answers = await send(
      fresh(),
      { ...several, contentHash: random(32) },
      { ...sole, to: several.to, contentHash: random(32) },
      { ...several, to: sole.to, contentHash: random(32) },
      sole,
      several,
      fresh(),
    )
    expect(answers.map(a => a.error)).toEqual([null, 'conflict', 'conflict', 'conflict', null, null, null])
    expect(answers[4]).toEqual({ ...one!, repeat: true })
    expect(answers[5]).toEqual({ ...many!, repeat: true })
    expect(answers[6]!.seq).toBe(answers[0]!.seq + 1)
    expect(answers[6]!.auditIndex).toBe(answers[0]!.auditIndex + 1)
    for (const who of [bob, carol]) await ack(who, answers[6]!.seq)
    const [head] = await db.sql`select several::int as n from mesh.mesh_head where mesh = ${at.mesh}`
    expect(head!.n).toBe(0)
    expect((await send(several))[0]!.repeat).toBe(false)
    for (const who of [bob, carol]) await ack(who, (await read(who.recipient)).at(-1)!.seq)
  })

  test('twins in one batch are one envelope', async () => {
    const mail = item(at, alice.recipient, [bob.recipient])
    const [first, twin, stranger] = await send(mail, { ...mail }, { ...mail, contentHash: random(32) })
    expect(first!.error).toBe(null)
    expect(twin).toEqual({ ...first!, repeat: true })
    expect(stranger!.error).toBe('conflict')
  })

  test('the same id from another sender is another envelope', async () => {
    const id = random(16)
    const answers = await send(
      item(at, alice.recipient, [bob.recipient], { id }),
      item(at, bob.recipient, [bob.recipient], { id }),
    )
    expect(answers.map(a => a.error)).toEqual([null, null])
  })

  test('a repeat after the ack is queued again', async () => {
    const mail = item(at, alice.recipient, [bob.recipient])
    const [first] = await send(mail)
    await ack(bob, first!.seq)
    const [again] = await send(mail)
    expect(again!.repeat).toBe(false)
    expect(again!.seq).toBeGreaterThan(first!.seq)
    expect((await read(bob.recipient)).map(row => row.seq)).toEqual([again!.seq])
  })

  test('unknown and removed recipients are named and the rest is queued', async () => {
    const gone = await attached(at, await join(at))
    const expired = await attached(at, await join(at), { notAfter: Date.now() - 31 * 86_400_000 })
    await remove(at, gone.recipient.member)
    const stranger = { member: random(32), session: random(32) }
    const unseen = { member: gone.recipient.member, session: random(32) }
    const person = { member: at.owner, session: null }
    const [answer, none] = await send(
      item(at, alice.recipient, [bob.recipient, gone.recipient, stranger, unseen, expired.recipient, person]),
      item(at, alice.recipient, [stranger, gone.recipient]),
    )
    expect(answer).toMatchObject({
      error: null,
      recipients: ['queued', 'removed', 'unknown', 'removed', 'unknown', 'queued'],
    })
    expect(none).toMatchObject({ error: 'unknown-recipient', seq: 0, recipients: ['unknown', 'removed'] })
    expect((await read(person)).map(row => row.seq)).toEqual([answer!.seq])
    const [fromGone, fromNobody] = await send(
      item(at, gone.recipient, [bob.recipient]),
      item(at, stranger, [bob.recipient]),
    )
    expect([fromGone!.error, fromNobody!.error]).toEqual(['removed', 'not-attached'])
  })

  test('a mesh that nobody made is unknown and harms nothing beside it', async () => {
    const [lost, kept] = await send(
      item(at, alice.recipient, [bob.recipient], { mesh: random(32) }),
      item(at, alice.recipient, [bob.recipient]),
    )
    expect([lost!.error, kept!.error]).toEqual(['unknown-mesh', null])
    const [alone] = await send(item(at, alice.recipient, [bob.recipient], { mesh: random(32) }))
    expect(alone).toMatchObject({ error: 'unknown-mesh', seq: 0, recipients: [] })
    const nowhere = { mesh: random(32), recipient: bob.recipient, attachment: 1, upTo: 1 }
    expect((await commit(db, { accepts: [], acks: [nowhere] })).acks).toEqual([
      { error: 'replaced', deleted: 0, ackedUpTo: 0 },
    ])
  })

  test('a poisoned item fails alone', async () => {
    const other = await newMesh(db)
    const sender = await attached(other, other.owner)
    const poison = item(at, alice.recipient, [bob.recipient], { expiresAt: Number.NaN })
    const answers = await send(
      item(at, alice.recipient, [bob.recipient]),
      poison,
      item(other, sender.recipient, [sender.recipient]),
      item(at, alice.recipient, [bob.recipient]),
    )
    expect(answers.map(a => a.error)).toEqual([null, 'internal', null, null])
    expect(answers[0]!.seq).toBeLessThan(answers[3]!.seq)
  })

  test('a batch larger than a call keeps its order and answers every item', async () => {
    const answers = await send(
      ...Array.from({ length: 1100 }, () => item(at, alice.recipient, [bob.recipient], { body: random(16) })),
    )
    expect(answers.every(a => a.error === null)).toBe(true)
    expect(answers.map(a => a.seq)).toEqual(answers.map(a => a.seq).toSorted((a, b) => a - b))
    await ack(bob, answers.at(-1)!.seq)
  })
})

describe('order', () => {
  test('commits follow each other without waiting, and what has to be split lets nobody between its parts', async () => {
    const poison = item(at, alice.recipient, [bob.recipient], { expiresAt: Number.NaN })
    const some = (n: number) => Array.from({ length: n }, () => item(at, alice.recipient, [bob.recipient]))
    const ended: string[] = []
    const give = async (name: string, accepts: AcceptItem[]) => {
      const answers = await send(...accepts)
      ended.push(name)
      return answers.map(one => one.seq).filter(seq => seq > 0)
    }
    const batches = await Promise.all([
      give('one', some(1)),
      give('split', [...some(3), poison, ...some(3)]),
      give('after', some(4)),
      give('last', some(1)),
    ])
    const first = new Map(batches.map((seqs, i) => [['one', 'split', 'after', 'last'][i]!, seqs[0]!]))
    expect(ended).toEqual([...first].toSorted(([, a], [, b]) => a - b).map(([name]) => name))
    for (const seqs of batches) expect(seqs).toEqual(seqs.map((_, i) => seqs[0]! + i))
    await ack(bob, Math.max(...batches.flat()))
  })

  test('two brokers at once never let a reader pass n+1 before n, and leave no gap in the audit', async () => {
    const mesh = await newMesh(db)
    const [a, b] = [await attached(mesh, mesh.owner), await attached(mesh, mesh.owner)]
    const others = [db, await openTest(url)]
    let reading = true
    const seen: number[] = []
    const reader = (async () => {
      while (reading) {
        const { rows, upTo, more } = await readQueue(db, {
          mesh: mesh.mesh,
          recipient: b.recipient,
          after: seen.at(-1) ?? 0,
          maxRows: 1000,
          maxBytes: 1 << 24,
        })
        seen.push(...rows.map(row => row.seq))
        if (!more) expect(upTo).toBe(seen.at(-1) ?? 0)
      }
    })()
    const answers = await Promise.all(
      others.flatMap(one =>
        Array.from({ length: 30 }, () =>
          commit(one, {
            accepts: Array.from({ length: 7 }, () => item(mesh, a.recipient, [b.recipient])),
            acks: [],
          }),
        ),
      ),
    )
    reading = false
    await reader
    const seqs = answers.flatMap(answer => answer.accepts.map(one => one.seq)).toSorted((x, y) => x - y)
    const rest = await read(b.recipient, seen.at(-1), mesh.mesh)
    expect([...seen, ...rest.map(row => row.seq)]).toEqual(seqs)
    expect(new Set(seqs).size).toBe(420)
    const [log] =
      await db.sql`select count(*)::int as n, max(l.index)::int as last, h.audit_size::int as size from mesh.audit_leaf l
      join mesh.mesh_head h on h.id = l.mesh_id where h.mesh = ${mesh.mesh} group by h.audit_size`
    expect(log!.n).toBe(log!.last + 1)
    expect(log!.size).toBe(log!.n)
  })
})

describe('acking', () => {
  test('an ack deletes up to its seq and no further, and again it deletes nothing', async () => {
    const answers = await send(...Array.from({ length: 5 }, () => item(at, alice.recipient, [bob.recipient])))
    const third = answers[2]!.seq
    expect(await ack(bob, third)).toMatchObject({ error: null, ackedUpTo: third })
    expect((await read(bob.recipient)).map(row => row.seq)).toEqual(answers.slice(3).map(a => a.seq))
    expect(await ack(bob, third)).toEqual({ error: null, deleted: 0, ackedUpTo: third })
    expect(await ack(bob, third - 1)).toEqual({ error: null, deleted: 0, ackedUpTo: third })
  })

  test('only the attachment that stands can ack', async () => {
    const [answer] = await send(item(at, alice.recipient, [bob.recipient]))
    const old = bob.attachment
    bob = { ...(await attached(at, bob.recipient.member, { session: bob.recipient.session })) }
    expect(bob.attachment).toBe(old + 1)
    expect(await ack(bob, answer!.seq, old)).toMatchObject({ error: 'replaced', deleted: 0 })
    expect((await read(bob.recipient)).at(-1)!.seq).toBe(answer!.seq)
    expect(await ack(bob, answer!.seq)).toMatchObject({ error: null })
    expect(await read(bob.recipient)).toEqual([])
  })

  test('nobody acks what was never numbered', async () => {
    const [answer] = await send(item(at, alice.recipient, [bob.recipient]))
    expect(await ack(bob, answer!.seq + 1)).toMatchObject({ error: 'bad-ack', deleted: 0 })
  })

  test('the body of a shared envelope goes with its last reader', async () => {
    const carol = await attached(at, await join(at))
    const [answer] = await send(item(at, alice.recipient, [bob.recipient, carol.recipient]))
    const bodies = async () =>
      (
        await db.sql`select 1 from mesh.envelope e join mesh.mesh_head h on h.id = e.mesh_id where h.mesh = ${at.mesh} and e.seq = ${answer!.seq}`
      ).length
    await ack(bob, answer!.seq)
    expect(await bodies()).toBe(1)
    expect((await read(carol.recipient)).map(row => row.seq)).toEqual([answer!.seq])
    await ack(carol, answer!.seq)
    expect(await bodies()).toBe(0)
  })

  test('two acks of one attachment in a batch count once, and the depth follows', async () => {
    const mesh = await newMesh(db)
    const [a, b] = [await attached(mesh, mesh.owner), await attached(mesh, mesh.owner)]
    const before = await queueDepth(db)
    const { accepts } = await commit(db, {
      accepts: [item(mesh, a.recipient, [b.recipient, a.recipient]), item(mesh, a.recipient, [b.recipient])],
      acks: [],
    })
    expect(await queueDepth(db)).toBe(before + 3)
    const of = (upTo: number) => ({ mesh: mesh.mesh, recipient: b.recipient, attachment: b.attachment, upTo })
    const { acks } = await commit(db, { accepts: [], acks: [of(accepts[0]!.seq), of(accepts[1]!.seq)] })
    expect(acks.map(one => one.deleted).toSorted()).toEqual([0, 2])
    expect(acks.map(one => one.ackedUpTo)).toEqual([accepts[1]!.seq, accepts[1]!.seq])
    expect(await queueDepth(db)).toBe(before + 1)
  })
})

describe('reading', () => {
  test('a page holds at most its rows and its bytes, and always one row', async () => {
    const mesh = await newMesh(db)
    const me = await attached(mesh, mesh.owner)
    await commit(db, {
      accepts: Array.from({ length: 6 }, () =>
        item(mesh, me.recipient, [me.recipient], { body: random(1000) }),
      ),
      acks: [],
    })
    const page = async (maxRows: number, maxBytes: number, after = 0) =>
      (await readQueue(db, { mesh: mesh.mesh, recipient: me.recipient, after, maxRows, maxBytes })).rows
    expect((await page(4, 1 << 20)).map(row => row.seq)).toEqual([1, 2, 3, 4])
    expect((await page(4, 3000)).map(row => row.seq)).toEqual([1, 2])
    expect((await page(4, 1)).map(row => row.seq)).toEqual([1])
    expect((await page(4, 1 << 20, 4)).map(row => row.seq)).toEqual([5, 6])
  })
})
