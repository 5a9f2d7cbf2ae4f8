import { generateSigner } from '@claudemesh/crypto'
import { generateAgreement } from '@claudemesh/crypto/sealing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { joinByInvite } from '../src/index.ts'
import { found, startWorld, type World, when } from './world.ts'

const GUESTS = 16

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

test('a crowd that opens one link at the same moment comes in, every one of them', async () => {
  const alice = await found(world)
  const { link } = await alice.client.invite({ role: 'member', uses: GUESTS, expiresMs: 3_600_000 })
  const guests = Array.from({ length: GUESTS }, (_, n) => `Guest ${n}`)
  await Promise.all(
    guests.map(memberName =>
      joinByInvite({
        member: generateSigner(),
        agreement: generateAgreement(),
        link,
        memberName,
        now: Date.now,
      }),
    ),
  )
  await when(alice.client, 'roster', () => alice.client.members().length === GUESTS + 1)
  expect(
    alice.client
      .members()
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(['Alice', ...guests].toSorted())
  await alice.client.stop()
})
