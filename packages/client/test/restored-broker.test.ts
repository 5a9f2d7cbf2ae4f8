/** A broker whose database is restored from a backup gets back from its members what it lost of the roster. */
import { systemClock } from '@claudemesh/broker'
import { freshDatabase } from '@claudemesh/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dialMember } from '../src/connection/dial-member.ts'
import { byTimeout } from '../src/connection/schedule.ts'
import {
  found,
  join,
  type Machine,
  online,
  openSession,
  person,
  reached,
  startWorld,
  text,
  type World,
  when,
} from './world.ts'

const LATER_MS = 10 * 60_000
/** Where a client keeps how far the broker's signature of its roster reaches. */
const PROOF = 'roster-proof'
/** What is said of a restored log: whether it is longer by now depends on who came back before. */
const OTHER_LOG = /its database restored|another one than it signed before/

let world: World
let shift = 0
const clock = { ...systemClock, now: () => Date.now() + shift }
beforeEach(async () => {
  shift = 0
  world = await startWorld({ CHECKPOINT_MS: '100' })
})
afterEach(() => world.stop())

const keyOf = (one: Machine) => one.identity.member.publicKey
const signed = (one: Machine) => one.client.auditHead()?.checkpoint
const sizeSigned = (one: Machine) => signed(one)?.size ?? 0
const names = (one: Machine) => one.client.members().map(({ name }) => name)
const comeBack = async (one: Machine) => {
  await one.start({ shift: () => shift })
  await online(one.client)
}

/** The restored log is shorter than the one that was signed: the owner accepts it, and everybody follows. */
const ownerReturns = async (one: Machine) => {
  await one.start({ shift: () => shift })
  await when(one.client, 'state', () => one.client.state === 'stopped')
  expect(one.client.why?.message).toMatch(OTHER_LOG)
  await one.client.acceptLog()
  await online(one.client)
}

/** Alice owns; Bob and Carol came before the backup; Carol is removed and Dave joins after it. `before` runs while all still stands. */
async function story(before: (bob: Machine, rosterSeq: number) => unknown) {
  const alice = await found(world)
  const invite = async () =>
    (await alice.client.invite({ role: 'member', uses: 2, expiresMs: 3_600_000 })).link
  const early = await invite()
  const bob = await join(world, early, 'Bob')
  const carol = await join(world, early, 'Carol')
  await when(alice.client, 'roster', () => alice.client.view().members === 3)
  await Promise.all([alice, bob, carol].map(one => one.client.stop()))
  await world.broker.stop()
  const backup = await freshDatabase(world.databaseUrl)
  await world.restart()
  await Promise.all([alice, bob].map(comeBack))
  await alice.client.remove(keyOf(carol))
  const dave = await join(world, await invite(), 'Dave')
  await when(bob.client, 'roster', () => names(bob).join() === 'Alice,Bob,Dave')
  const { rosterSeq } = bob.client.view()
  await before(bob, rosterSeq)
  await Promise.all([bob, dave].map(one => one.client.stop()))
  // The owner knows of as much as anybody was shown: she brings back all entries, and accepts the loss of all that is lost.
  await when(alice.client, 'roster', () => alice.client.view().rosterSeq === rosterSeq)
  await expect.poll(() => signed(alice)?.rosterSeq).toBe(rosterSeq)
  await expect.poll(() => sizeSigned(alice)).toBeGreaterThanOrEqual(Math.max(...[bob, dave].map(sizeSigned)))
  await alice.client.stop()
  const restore = async () => {
    shift = LATER_MS
    await world.restart({ DATABASE_URL: backup.url }, clock)
  }
  return { alice, bob, carol, dave, rosterSeq, restore }
}

describe('after a restore', () => {
  test('an owner brings back entries of any age, and a new key for those who missed one', async () => {
    const { alice, bob, carol, dave, rosterSeq, restore } = await story(() => {})
    await restore()
    await ownerReturns(alice)
    expect(names(alice)).toEqual(['Alice', 'Bob', 'Dave'])
    await comeBack(bob)
    await comeBack(dave)
    // The copies of the second epoch are lost: a third begins.
    await when(bob.client, 'roster', () => bob.client.view().epoch === 3)
    await when(dave.client, 'roster', () => dave.client.view().epoch === 3)
    // The owner's word on the log, and the key.
    expect(bob.client.view().rosterSeq).toBe(rosterSeq + 2)
    expect(names(dave)).toEqual(['Alice', 'Bob', 'Dave'])
    const session = await openSession(bob, 'api')
    await when(dave.client, 'presence', () => dave.client.peers().some(one => one.profile?.name === 'api'))
    expect(session.uuid).toBeTruthy()
    const sent = await dave.client.send(text(null, [person(bob)], 'still here'))
    await reached(dave.client, sent, 'delivered')
    await carol.start({ shift: () => shift })
    await when(carol.client, 'state', () => carol.client.state === 'removed')
    await Promise.all([alice, bob, carol, dave].map(one => one.client.stop()))
  })

  test('a member waits for an owner, seals nothing meanwhile, and says what it waits for', async () => {
    const { alice, bob, carol, dave, restore } = await story(() => {})
    // No checkpoint of the broker's came since.
    bob.store.counters.set(PROOF, 0)
    await restore()
    await bob.start({ shift: () => shift })
    await when(bob.client, 'state', () => bob.client.why?.code === 'unavailable')
    expect(bob.client.why?.message).toContain('an owner or admin has to come online')
    const sent = await bob.client.send(text(null, [person(alice)], 'anybody?'))
    expect(bob.client.outboxMessage(sent)?.recipients).toMatchObject([{ state: 'pending' }])
    await ownerReturns(alice)
    // Bob may have met the shorter log before the owner spoke for it: that stops a client until it looks again, up to a minute later.
    await bob.client.stop()
    await comeBack(bob)
    await reached(bob.client, sent, 'delivered')
    await Promise.all([alice, bob, carol, dave].map(one => one.client.stop()))
  })

  test('a member who holds the broker’s own signature of what it lost brings it back without an owner', async () => {
    // And the head of the log that it signed with it: who has not seen that yet has nothing to miss.
    const { alice, bob, carol, dave, rosterSeq, restore } = await story((one, seq) =>
      expect
        .poll(() => [one.store.counters.get(PROOF), signed(one)?.rosterSeq], { timeout: 60_000 })
        .toEqual([seq, seq]),
    )
    await restore()
    await bob.start({ shift: () => shift })
    // What it brought back stands; its own log it leaves to the owner.
    await when(bob.client, 'state', () => bob.client.state === 'stopped')
    expect(bob.client.why?.message).toMatch(OTHER_LOG)
    const served = await dialMember(
      { identity: bob.identity, address: bob.identity, schedule: byTimeout },
      WebSocket,
      {},
    )
    expect(served.welcome).toMatchObject({ rosterSeq, copiesMissing: true })
    served.close()
    await bob.client.stop()
    await ownerReturns(alice)
    await comeBack(bob)
    await when(bob.client, 'roster', () => bob.client.view().epoch === 3)
    await Promise.all([alice, bob, carol, dave].map(one => one.client.stop()))
  })
})
