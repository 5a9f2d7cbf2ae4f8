import { toBase64url } from '@claudemesh/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
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
} from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

test('a person who joined by an invite gets what the founder writes, and the founder a signed receipt', async () => {
  const { alice, bob } = await couple(world)
  const msg = await alice.client.send(text(null, [person(bob)], 'hello bob'))
  await received(bob.client, null, 1)
  const [got] = bob.client.inbox({ uuid: null })
  expect(textOf(got!)).toBe('hello bob')
  expect(got!.msg).toBe(msg)
  expect(toBase64url(got!.from.member)).toBe(toBase64url(alice.identity.member.publicKey))
  await reached(alice.client, msg, 'delivered')
  const steps = alice.client.trace(msg)
  expect(steps.map(step => step.state)).toEqual(['pending', 'accepted', 'delivered'])
  expect(steps.at(-1)).toMatchObject({ verified: true, by: person(bob) })
  await alice.client.stop()
  await bob.client.stop()
})

test('two sessions write to each other, and names, surfaced and answered come back', async () => {
  const { alice, bob } = await couple(world)
  const a = await openSession(alice, 'api')
  const b = await openSession(bob, 'web')
  const msg = await alice.client.send(text(a.uuid, [b.recipient], 'one'))
  await received(bob.client, b.uuid, 1)
  bob.client.markSurfaced(b.uuid, [msg])
  await reached(alice.client, msg, 'surfaced')
  const answer = await bob.client.send(text(b.uuid, [a.recipient], 'two', { replyTo: msg }))
  bob.client.report(b.uuid, [msg], 'answered', '')
  await received(alice.client, a.uuid, 1)
  await reached(alice.client, msg, 'answered')
  await reached(bob.client, answer, 'delivered')
  expect(alice.client.outboxMessage(msg)?.payload).toBeNull()
  expect(alice.client.members().map(one => one.name)).toEqual(['Alice', 'Bob'])
  expect(alice.client.view()).toMatchObject({ name: 'Test mesh', members: 2, problems: [] })
  await alice.client.stop()
  await bob.client.stop()
})

test('500 messages arrive in order, once, though the receiver was offline for half of them', async () => {
  const { alice, bob } = await couple(world)
  const texts = Array.from({ length: 500 }, (_, i) => `number ${i}`)
  for (const body of texts.slice(0, 250)) await alice.client.send(text(null, [person(bob)], body))
  await received(bob.client, null, 100)
  await bob.client.stop()
  const rest = await Promise.all(
    texts.slice(250).map(body => alice.client.send(text(null, [person(bob)], body))),
  )
  await bob.start()
  await received(bob.client, null, 500)
  expect(bob.client.inbox({ uuid: null }).map(textOf)).toEqual(texts)
  await reached(alice.client, rest.at(-1)!, 'delivered')
  await alice.client.stop()
  await bob.client.stop()
})
