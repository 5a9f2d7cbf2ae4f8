import { randomUUID } from 'node:crypto'
import { generateSigner } from '@claudemesh/crypto'
import { LIMITS, type Recipient } from '@claudemesh/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { couple, profileOf, reached, startWorld, text, textOf, type World } from './world.ts'

const SESSIONS = LIMITS.recipientsPerEnvelope + 2

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

test('more recipients than an envelope holds get one message in several envelopes, each of them once', async () => {
  const { alice, bob } = await couple(world)
  const sessions = Array.from({ length: SESSIONS }, () => ({ uuid: randomUUID(), signer: generateSigner() }))
  await Promise.all(
    sessions.map(session => bob.client.openSession({ ...session, profile: profileOf(session.uuid) })),
  )
  const { publicKey: member } = bob.identity.member
  const to: Recipient[] = sessions.map(({ signer }) => ({ member, session: signer.publicKey }))

  const msg = await alice.client.send(text(null, to, 'to everybody'))
  await reached(alice.client, msg, 'delivered')
  const byEnvelope = new Map<string, number>()
  for (const { uuid } of sessions) {
    const inbox = bob.client.inbox({ uuid })
    expect(inbox.map(message => [message.msg, textOf(message)])).toEqual([[msg, 'to everybody']])
    byEnvelope.set(inbox[0]!.id, (byEnvelope.get(inbox[0]!.id) ?? 0) + 1)
  }
  expect(byEnvelope.size).toBeGreaterThan(1)
  expect(Math.max(...byEnvelope.values())).toBeLessThanOrEqual(LIMITS.recipientsPerEnvelope)
  await alice.client.stop()
  await bob.client.stop()
}, 60_000)
