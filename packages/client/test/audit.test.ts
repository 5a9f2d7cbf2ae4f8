/** The audit log of a real broker, followed by real members: heads, proofs of what was accepted, and a database that was set back. */
import { openDatabase } from '@claudemesh/db'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { byTimeout } from '../src/connection/schedule.ts'
import {
  couple,
  type Machine,
  person,
  reached,
  received,
  startWorld,
  text,
  textOf,
  type World,
  whenever,
} from './world.ts'

/** With no chance in it, a member that its broker's log stopped looks again so soon. */
const LOOK_MS = 30_000

let world: World
let alice: Machine
let bob: Machine
beforeEach(async () => {
  world = await startWorld({ CHECKPOINT_MS: '25' })
  ;({ alice, bob } = await couple(world))
})
afterEach(async () => {
  await alice.client.stop()
  await bob.client.stop()
  await world.stop()
})

const size = (one: Machine) => one.client.auditHead()?.checkpoint.size ?? 0
/** Of a head that this member has been shown: there may be none yet. */
const shown = async (one: Machine): Promise<number> => {
  await expect.poll(() => size(one)).toBeGreaterThan(0)
  return size(one)
}
const send = async (body: string): Promise<string> => {
  const msg = await alice.client.send(text(null, [person(bob)], body))
  await reached(alice.client, msg, 'delivered')
  return msg
}

test('every member pins what the broker signs, carries it, and has what was accepted proven', async () => {
  const msg = await send('hello')
  await expect.poll(async () => (await alice.client.proveAccepted(msg)).length).toBe(1)
  const accepted = alice.client.trace(msg).find(step => step.state === 'accepted')
  expect(accepted).toMatchObject({ by: 'broker', verified: true })
  const [proof] = await alice.client.proveAccepted(msg)
  expect(proof!.index).toBeLessThan(proof!.size)
  await expect.poll(() => size(bob)).toBeGreaterThanOrEqual(proof!.size)
  // Bob's receipt carried a head, and Alice's mail one: neither is in doubt.
  await send('again')
  expect([alice.client.state, bob.client.state]).toEqual(['online', 'online'])
})

test('a member reads the log page by page, its own bodies with it', async () => {
  await send('hello')
  const head = await shown(alice)
  const { leaves } = await alice.client.auditPage(0, head)
  expect([leaves.length, leaves.every(leaf => leaf.body !== null)]).toEqual([head, true])
  await expect.poll(() => size(bob)).toBeGreaterThan(4)
  const bobs = (await bob.client.auditPage(0, size(bob))).leaves
  expect(bobs.some(leaf => leaf.body === null && !leaf.pruned)).toBe(true)
})

test('a broker whose database was set back is found and stops all sealing, until the owner accepts it; then nothing is lost', async () => {
  await bob.client.stop()
  const before = await shown(alice)
  const msg = await alice.client.send(text(null, [person(bob)], 'before the restore'))
  await reached(alice.client, msg, 'accepted')
  await expect.poll(() => size(alice)).toBeGreaterThan(before)
  await world.broker.stop()
  await setBack(before)
  await world.restart()
  await whenever(alice, () => alice.client.state === 'stopped')
  expect(alice.client.why).toMatchObject({ code: 'integrity' })
  expect(alice.client.why!.message).toMatch(/shorter than the one it signed before/)
  const held = await alice.client.send(text(null, [person(bob)], 'held back'))
  expect(alice.client.outboxMessage(held)!.recipients[0]!.state).toBe('pending')

  await alice.client.acceptLog()
  await whenever(alice, () => alice.client.state === 'online')
  await bob.start()
  await received(bob.client, null, 2)
  expect(bob.client.inbox({ uuid: null }).map(textOf).toSorted()).toEqual(['before the restore', 'held back'])
})

test('a member that the shorter log stopped looks out for the owner’s word, and goes on by itself when it stands', async () => {
  const before = await shown(bob)
  await send('before the restore')
  await expect.poll(() => size(bob)).toBeGreaterThan(before)
  await bob.client.stop()
  // The owner gives up all that Bob was shown.
  await expect.poll(() => size(alice)).toBeGreaterThanOrEqual(size(bob))
  await world.broker.stop()
  await setBack(before)
  await world.restart()
  const looks: (() => unknown)[] = []
  await bob.start({
    schedule: (ms, work) => {
      if (ms !== LOOK_MS) return byTimeout(ms, work)
      looks.push(work)
      return () => {}
    },
  })
  for (const one of [alice, bob]) await whenever(one, () => one.client.state === 'stopped')
  await looks.at(-1)!()
  expect(bob.client.state).toBe('stopped')

  await alice.client.acceptLog()
  await looks.at(-1)!()
  await whenever(bob, () => bob.client.state === 'online')
  await whenever(alice, () => alice.client.state === 'online')
  await send('and after it')
})

/** The database as a backup had it when the log was `to` leaves long. */
async function setBack(to: number): Promise<void> {
  const db = await openDatabase({ url: world.databaseUrl })
  await db.sql.unsafe(`
    alter table mesh.audit_leaf disable trigger all;
    alter table mesh.audit_chunk disable trigger all;
    alter table mesh.audit_checkpoint disable trigger all;
    delete from mesh.audit_leaf where index >= ${to};
    delete from mesh.audit_chunk where index >= ${to};
    delete from mesh.audit_checkpoint where size > ${to};
    delete from mesh.delivery;
    update mesh.mesh_head set audit_size = ${to}, queued = 0`)
  await db.close()
}
