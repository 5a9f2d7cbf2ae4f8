import { TIMES } from '@claudemesh/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { couple, online, openSession, startWorld, type World, when } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world?.stop())

test('who lost its own connection shows who was there as away for the grace, then as offline, and as they are once it is back', async () => {
  const { alice, bob } = await couple(world)
  await alice.client.stop()
  let shift = 0
  await alice.start({ shift: () => shift })
  await online(alice.client)
  const { uuid } = await openSession(bob, 'api')
  const lease = () => alice.client.peers().find(peer => peer.uuid === uuid)?.lease
  await when(alice.client, 'presence', () => lease() === 'online')

  await world.broker.stop()
  await expect.poll(lease).toBe('away')
  expect(alice.client.state).not.toBe('online')
  shift = TIMES.graceMs
  expect(lease()).toBe('offline')

  shift = 0
  await world.restart()
  await Promise.all([online(alice.client), online(bob.client)])
  await when(alice.client, 'presence', () => lease() === 'online')
  await Promise.all([alice, bob].map(({ client }) => client.stop()))
})
