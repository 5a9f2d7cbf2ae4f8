import { compareBytes, type Recipient } from '@claudemesh/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  attach,
  claimNode,
  commit,
  type Database,
  detach,
  directory,
  directoryOf,
  getPrekeys,
  lifeOf,
  putPrekey,
  putPresence,
  releaseNode,
  renewLeases,
  setHookStatus,
  sweepLeases,
} from '../src/index.ts'
import { freshDatabase } from './test-database.ts'
import {
  attached,
  certificateOf,
  item,
  join,
  NODE,
  newMesh,
  prekeyOf,
  presenceOf,
  random,
  remove,
  type TestMesh,
} from './world.ts'

let db: Database
let at: TestMesh
const now = Date.now()
const GRACE = 90_000

beforeAll(async () => {
  ;({ db } = await freshDatabase())
  at = await newMesh(db, now)
})

const leaseOf = async (recipient: { member: Uint8Array; session: Uint8Array | null }, when: number) =>
  (await getPrekeys(db, { mesh: at.mesh, recipients: [recipient], now: when }))[0]!.lease

describe('attaching', () => {
  test('the newest attach wins, and the same socket keeps its number', async () => {
    const first = await attached(at, at.owner)
    const { session } = first.recipient
    const second = await attached(at, at.owner, { session, renew: first.attachment })
    expect(second.attachment).toBe(first.attachment)
    const third = await attached(at, at.owner, { session })
    expect(third.attachment).toBe(first.attachment + 1)
    const late = await attached(at, at.owner, { session, renew: first.attachment })
    expect(late.attachment).toBe(first.attachment + 2)
  })

  test('it is told how far its queue reaches', async () => {
    const me = await attached(at, at.owner)
    const { accepts } = await commit(db, {
      accepts: [item(at, me.recipient, [me.recipient]), item(at, me.recipient, [me.recipient])],
      acks: [],
    })
    const request = {
      mesh: at.mesh,
      recipient: me.recipient,
      uuid: me.uuid,
      certificate: certificateOf(at, me.recipient, me.uuid, now + 1e7),
      prekey: prekeyOf(at, me.recipient, 2),
      presence: null,
      hookTokenHash: null,
      node: NODE,
      now,
    }
    const again = await attach(db, request)
    expect(again).toMatchObject({ error: null, queuedUpTo: accepts[1]!.seq, ackedUpTo: 0, fresh: true })
    await commit(db, {
      accepts: [],
      acks: [{ mesh: at.mesh, recipient: me.recipient, attachment: 2, upTo: accepts[1]!.seq }],
    })
    expect(await attach(db, request)).toMatchObject({
      queuedUpTo: accepts[1]!.seq,
      ackedUpTo: accepts[1]!.seq,
    })
  })

  test('prekey number and presence counter never go back, and the record that stands is shown', async () => {
    const me = await attached(at, at.owner, { n: 10, counter: 10 })
    const request = (n: number, counter: number) => ({
      mesh: at.mesh,
      recipient: me.recipient,
      uuid: me.uuid,
      certificate: certificateOf(at, me.recipient, me.uuid, now + 1e7),
      prekey: prekeyOf(at, me.recipient, n),
      presence: presenceOf(at, me.recipient, counter),
      hookTokenHash: null,
      node: NODE,
      now,
    })
    expect(await attach(db, request(9, 11))).toMatchObject({
      error: 'counter',
      field: 'prekey',
      standing: { n: 10 },
    })
    expect(await attach(db, request(11, 9))).toMatchObject({
      error: 'counter',
      field: 'presence',
      standing: { counter: 10 },
    })
    await expect(
      putPresence(db, { mesh: at.mesh, record: presenceOf(at, me.recipient, 9), now }),
    ).rejects.toMatchObject({ code: 'counter' })
    await expect(
      putPrekey(db, { mesh: at.mesh, prekey: prekeyOf(at, me.recipient, 9), now }),
    ).rejects.toMatchObject({ code: 'counter', facts: { standing: { n: 10 } } })
    await putPresence(db, { mesh: at.mesh, record: presenceOf(at, me.recipient, 12), now })
    await putPrekey(db, { mesh: at.mesh, prekey: prekeyOf(at, me.recipient, 12), now })
    const [entry] = await directoryOf(db, { mesh: at.mesh, recipients: [me.recipient], now })
    expect(entry!.presence!.counter).toBe(12)
  })

  test('who is no member, or no longer, does not attach', async () => {
    const gone = await join(at)
    await remove(at, gone)
    await expect(attached(at, gone)).rejects.toThrow('removed')
    await expect(attached(at, random(32))).rejects.toThrow('unauthenticated')
  })
})

describe('leases', () => {
  test('a lost socket is away for the grace and offline after it, swept or not', async () => {
    await renewLeases(db, { node: NODE, now, leaseMs: 10 * GRACE })
    const me = await attached(at, at.owner)
    expect(await leaseOf(me.recipient, now)).toBe('online')
    const other = await attached(at, at.owner)
    const gone = (...seats: { recipient: Recipient; attachment: number }[]) =>
      detach(db, { mesh: at.mesh, seats, now })
    const replaced = { ...me, attachment: me.attachment + 1 }
    expect(await gone()).toEqual([])
    expect(await gone(replaced, other)).toEqual([other.recipient])
    expect(await leaseOf(me.recipient, now)).toBe('online')
    expect(await gone(other, me)).toEqual([me.recipient])
    expect(await leaseOf(me.recipient, now + GRACE - 1)).toBe('away')
    expect(await leaseOf(me.recipient, now + GRACE)).toBe('offline')
    const changes = await sweepLeases(db, { now: now + GRACE })
    expect(
      changes.map(c => [c.lease, c.leaseAt, compareBytes(c.recipient.session!, me.recipient.session!)]),
    ).toContainEqual(['offline', now + GRACE, 0])
  })

  test('what an ended process of the same name still asks for does not touch what the next one holds', async () => {
    const [first, second] = [lifeOf('node-again'), lifeOf('node-again')]
    await claimNode(db, { node: first, now, leaseMs: 1000 })
    const me = await attached(at, at.owner, { node: first })
    const left = await claimNode(db, { node: second, now: now + 100, leaseMs: 1000 })
    expect(left.map(c => [c.lease, c.leaseAt])).toEqual([['away', now + 100]])
    await attached(at, at.owner, { node: second, session: me.recipient.session, now: now + 200 })
    expect(await releaseNode(db, { node: first, now: now + 300 })).toEqual([])
    expect(await leaseOf(me.recipient, now + 400)).toBe('online')
    expect(await renewLeases(db, { node: second, now: now + 400, leaseMs: 1000 })).toBe(false)
    // The ended life, should it still be one, learns that it is over.
    expect(await renewLeases(db, { node: first, now: now + 400, leaseMs: 1000 })).toBe(true)
  })

  test('no ghost outlives its node, whether the node comes back or not', async () => {
    const node = 'node-dies'
    await claimNode(db, { node, now, leaseMs: 1000 })
    const me = await attached(at, at.owner, { node })
    const other = await attached(at, at.owner)
    expect(await leaseOf(me.recipient, now + 1000)).toBe('online')
    expect(await leaseOf(me.recipient, now + 1001)).toBe('away')
    expect(await leaseOf(me.recipient, now + 1000 + GRACE)).toBe('offline')
    const left = await claimNode(db, { node, now: now + 500, leaseMs: 1000 })
    expect(left.map(c => [c.lease, c.leaseAt])).toEqual([['away', now + 500]])
    expect(await leaseOf(me.recipient, now + 600)).toBe('away')
    expect(await leaseOf(other.recipient, now + 600)).toBe('online')
    await attached(at, at.owner, { node, session: me.recipient.session, now: now + 700 })
    expect(await leaseOf(me.recipient, now + 700)).toBe('online')
    const swept = await sweepLeases(db, { now: now + 2000 })
    expect(swept.map(c => [c.lease, c.leaseAt])).toContainEqual(['away', now + 1500])
    await attached(at, at.owner, { node, session: me.recipient.session, now: now + 2000 })
    expect((await releaseNode(db, { node, now: now + 2100 })).length).toBe(1)
  })
})

describe('the directory', () => {
  test('pages through every known session once, and through nobody removed or long gone', async () => {
    const mesh = await newMesh(db)
    const sessions = [mesh.owner, await join(mesh), await join(mesh)]
    const all = []
    for (const member of sessions) for (let i = 0; i < 3; i++) all.push(await attached(mesh, member))
    await attached(mesh, mesh.owner, { session: null })
    await attached(mesh, mesh.owner, { notAfter: Date.now() - 31 * 86_400_000 })
    await remove(mesh, sessions[1]!)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = await directory(db, { mesh: mesh.mesh, cursor, limit: 2, now })
      seen.push(...page.entries.map(entry => entry.certificate.uuid))
      cursor = page.cursor
    } while (cursor)
    const expected = all.filter((_, i) => i < 3 || i > 5).map(one => one.uuid)
    expect(seen.toSorted()).toEqual(expected.toSorted())
    await expect(directory(db, { mesh: mesh.mesh, cursor: '!', limit: 2, now })).rejects.toMatchObject({
      code: 'bad-field',
      field: 'cursor',
    })
  })

  test('prekeys come in the order they were asked for, with the person among them', async () => {
    const session = await attached(at, at.owner, { n: 7 })
    const person = await attached(at, at.owner, { session: null, n: 8 })
    const stranger = { member: random(32), session: null }
    const rows = await getPrekeys(db, {
      mesh: at.mesh,
      recipients: [person.recipient, stranger, session.recipient],
      now,
    })
    expect(rows.map(row => row.prekey?.n)).toEqual([8, undefined, 7])
    expect(rows.map(row => row.certificate?.uuid)).toEqual([undefined, undefined, session.uuid])
  })

  test('a hook token sets the status of its own session alone', async () => {
    const token = random(32)
    const me = await attached(at, at.owner, { hook: token })
    const seat = await setHookStatus(db, { tokenHash: token, uuid: me.uuid, status: 'working', now })
    expect(compareBytes(seat.recipient.session!, me.recipient.session!)).toBe(0)
    const [entry] = await directoryOf(db, { mesh: at.mesh, recipients: [me.recipient], now })
    expect(entry!.hook).toEqual({ status: 'working', at: now })
    await expect(
      setHookStatus(db, { tokenHash: random(32), uuid: me.uuid, status: 'idle', now }),
    ).rejects.toMatchObject({ code: 'unauthenticated' })
    await expect(
      setHookStatus(db, { tokenHash: token, uuid: crypto.randomUUID(), status: 'idle', now }),
    ).rejects.toMatchObject({ code: 'not-found' })
  })
})

test('who is attached at the node that asks is online to it, though its heartbeat is late; to others not', async () => {
  const there = await newMesh(db)
  const { recipient } = await attached(there, await join(there), { node: 'slow' })
  const late = Date.now() + 5 * 60_000
  const leaseFor = async (node?: string) => {
    const asked = { mesh: there.mesh, now: late, ...(node && { node }) }
    const [listed] = (await directory(db, { ...asked, cursor: null, limit: 10 })).entries
    const [named] = await directoryOf(db, { ...asked, recipients: [recipient] })
    const [prekey] = await getPrekeys(db, { ...asked, recipients: [recipient] })
    return [listed!.lease, named!.lease, prekey!.lease]
  }
  expect(await leaseFor('slow')).toEqual(['online', 'online', 'online'])
  expect(await leaseFor('another')).toEqual(['offline', 'offline', 'offline'])
  expect(await leaseFor()).toEqual(['offline', 'offline', 'offline'])
})
