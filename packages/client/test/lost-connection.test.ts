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

test('who is there is seen by a clock that holds what they say of themselves for early', async () => {
  const { alice, bob } = await couple(world)
  let behind = 0
  for (const [one, sign] of [
    [alice, -1],
    [bob, 1],
  ] as const) {
    await one.client.stop()
    await one.start({ shift: () => sign * behind })
    await online(one.client)
  }
  const { uuid } = await openSession(bob, 'api')
  const seen = () => alice.client.peers().find(peer => peer.uuid === uuid)
  await when(alice.client, 'presence', () => seen()?.lease === 'online')
  bob.client.setStatus(uuid, 'working', 'manual', Date.now())
  await when(alice.client, 'presence', () => seen()?.status === 'working')

  // Near enough to the broker's clock each, and too far from each other.
  behind = 0.8 * TIMES.idSkewMs
  bob.client.setStatus(uuid, 'idle', 'manual', Date.now())
  await bob.client.stop()
  await when(alice.client, 'presence', () => seen()?.lease === 'away')
  expect(seen()).toMatchObject({ status: 'working', signed: true, profile: { name: 'api' } })
  await alice.client.stop()
})
