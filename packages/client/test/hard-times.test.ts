import { generateSigner } from '@claudemesh/crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedStore } from '../src/index.ts'
import { entryOfJson } from '../src/roster/stored.ts'
import { memoryStore } from './memory-store.ts'
import {
  couple,
  openSession,
  person,
  reached,
  received,
  startWorld,
  text,
  textOf,
  type World,
  when,
} from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ EXPIRY_MS: '100' })
})
afterAll(() => world.stop())

test('a broker that goes away and comes back loses nothing that was accepted or still waits', async () => {
  const { alice, bob } = await couple(world)
  const texts = Array.from({ length: 120 }, (_, i) => `number ${i}`)
  for (const body of texts.slice(0, 60)) await alice.client.send(text(null, [person(bob)], body))
  await received(bob.client, null, 5)
  await world.restart()
  const last = await Promise.all(
    texts.slice(60).map(body => alice.client.send(text(null, [person(bob)], body))),
  )
  await received(bob.client, null, 120)
  expect(bob.client.inbox({ uuid: null }).map(textOf)).toEqual(texts)
  await reached(alice.client, last.at(-1)!, 'delivered')
  await alice.client.stop()
  await bob.client.stop()
})

test('a restarted receiver opens what was sealed under an opener that travelled long ago', async () => {
  const { alice, bob } = await couple(world)
  const first = await alice.client.send(text(null, [person(bob)], 'with the opener'))
  await reached(alice.client, first, 'delivered')
  await bob.client.stop()
  const second = await alice.client.send(text(null, [person(bob)], 'by its id'))
  await reached(alice.client, second, 'accepted')
  await bob.start()
  await received(bob.client, null, 2)
  await reached(alice.client, second, 'delivered')
  expect(alice.client.trace(second).filter(step => step.state === 'pending')).toHaveLength(1)
  await alice.client.stop()
  await bob.client.stop()
})

test('who lost their prekeys says so, gets a new sealing of the same message, and shows it once', async () => {
  const { alice, bob } = await couple(world)
  await reached(alice.client, await alice.client.send(text(null, [person(bob)], 'first')), 'delivered')
  await bob.client.stop()
  const lost = await alice.client.send(text(null, [person(bob)], 'sealed to a lost prekey'))
  await reached(alice.client, lost, 'accepted')
  // The store is gone, the keys are not: roster and epoch key come back, prekeys and inbox do not.
  const fresh = memoryStore()
  const { mesh, url, host } = bob.identity
  const entries = bob.store.roster.entries().map(entryOfJson)
  seedStore(fresh, { mesh, url, host, entries, epochs: bob.store.epochs.all() })
  await bob.start({ store: fresh })
  await received(bob.client, null, 1)
  await reached(alice.client, lost, 'delivered')
  const states = alice.client.trace(lost).map(step => `${step.state}${step.why ? ` ${step.why}` : ''}`)
  expect(states).toEqual(['pending', 'accepted', 'pending stale-prekey', 'accepted', 'delivered'])
  expect(bob.client.inbox({ uuid: null }).map(textOf)).toEqual(['sealed to a lost prekey'])
  await alice.client.stop()
  await bob.client.stop()
})

test('what ran out while its receiver was away ends by the signed fact, and a retry is a new message', async () => {
  const { alice, bob } = await couple(world)
  await reached(alice.client, await alice.client.send(text(null, [person(bob)], 'hello')), 'delivered')
  await bob.client.stop()
  const msg = await alice.client.send(text(null, [person(bob)], 'short-lived', { ttlMs: 1_000 }))
  await reached(alice.client, msg, 'expired')
  const steps = alice.client.trace(msg)
  expect(steps.at(-1)).toMatchObject({ state: 'expired', by: 'broker', verified: true })
  expect(alice.client.outbox({ dead: true }).map(one => one.msg)).toEqual([msg])
  const again = alice.client.retry(msg)
  expect(alice.client.outbox({ dead: true })).toEqual([])
  await bob.start()
  await received(bob.client, null, 2)
  expect(
    bob.client
      .inbox({ uuid: null })
      .map(one => one.msg)
      .at(-1),
  ).toBe(again)
  await reached(alice.client, again, 'delivered', 'expired')
  await alice.client.stop()
  await bob.client.stop()
})

test('a session nobody knows is named unknown, and a wrong clock is told instead of guessed around', async () => {
  const { alice, bob } = await couple(world)
  const nobody = { member: bob.identity.member.publicKey, session: generateSigner().publicKey }
  await reached(alice.client, await alice.client.send(text(null, [nobody], 'anybody?')), 'unknown')
  await alice.client.stop()
  let shift = 600_000
  await alice.start({ shift: () => shift })
  await when(alice.client, 'state', () => alice.client.state === 'online')
  expect(alice.client.view().problems.map(one => one.code)).toContain('clock')
  const msg = await alice.client.send(text(null, [person(bob)], 'from the future'))
  await when(alice.client, 'state', () => alice.client.state === 'online')
  expect(alice.client.outboxMessage(msg)?.recipients[0]?.state).toMatch(/pending|sealed/)
  shift = 0
  await world.restart()
  await received(bob.client, null, 1)
  expect(alice.client.view().problems.map(one => one.code)).not.toContain('clock')
  await alice.client.stop()
  await bob.client.stop()
})

test('a message to many reaches each once, under one msg', async () => {
  const { alice, bob } = await couple(world)
  const sessions = [await openSession(bob, 'a'), await openSession(bob, 'b'), await openSession(alice, 'c')]
  const msg = await alice.client.send(
    text(null, [person(bob), ...sessions.map(one => one.recipient)], 'all of you'),
  )
  await reached(alice.client, msg, 'delivered')
  for (const { uuid } of sessions.slice(0, 2))
    expect(bob.client.inbox({ uuid }).map(one => one.msg)).toEqual([msg])
  expect(alice.client.inbox({ uuid: sessions[2]!.uuid }).map(textOf)).toEqual(['all of you'])
  expect(bob.client.inbox({ uuid: null })).toHaveLength(1)
  await alice.client.stop()
  await bob.client.stop()
})

test('a sender whose clock is ahead is told in its trace what came first', async () => {
  const { alice, bob } = await couple(world)
  await alice.client.stop()
  await alice.start({ shift: () => 120_000 })
  const msg = await alice.client.send(text(null, [person(bob)], 'from the future'))
  await reached(alice.client, msg, 'delivered')
  expect(alice.client.trace(msg).map(({ state }) => state)).toEqual(['pending', 'accepted', 'delivered'])
  await alice.client.stop()
  await bob.client.stop()
})
