import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { admit, machine, pair } from './world.ts'

afterAll(stopSharedPostgres)

const states = (sent: { recipients: { to: string; state: string }[] }) =>
  sent.recipients.map(each => `${each.to} ${each.state}`).sort()

test('who is blocked is told so, nothing of it is shown, and what else is said arrives in its order', async () => {
  const { alice, bob } = await pair()
  const carol = await machine()
  await admit(alice, carol, 'carol')
  await alice.send('bob', 'one')
  const block = (what: object) => bob.call('block', { params: { member: 'alice' }, body: what })
  expect(await block({ block: ['dm'] })).toMatchObject({ name: 'alice', blocked: ['dm'] })

  const refused = await alice.send('bob', 'two, which is private')
  expect(states(refused)).toEqual(['bob refused'])
  expect((await alice.trace(refused.id)).at(-1)).toMatchObject({
    state: 'refused',
    why: 'blocked',
    by: 'bob',
    verified: true,
  })
  expect(states(await alice.send('bob carol', 'three, to both'))).toEqual([
    'bob delivered',
    'carol delivered',
  ])
  expect(states(await carol.send('bob', 'hello from carol'))).toEqual(['bob delivered'])

  await bob.stop()
  await bob.start()
  expect(states(await alice.send('bob', 'four'))).toEqual(['bob refused'])
  expect(await block({ block: ['broadcast'], grant: ['dm'] })).toMatchObject({ blocked: ['broadcast'] })
  expect(states(await alice.send('bob carol', 'five, to both'))).toEqual(['bob refused', 'carol delivered'])
  // A group is one, however few are in it.
  await bob.open('33333333-2222-4333-8444-555555555555', { name: 'db', groups: ['back'] })
  await expect
    .poll(async () => (await alice.peers()).some(peer => peer.name === 'bob/db'), { timeout: 30_000 })
    .toBe(true)
  expect(states(await alice.send('@back', 'six, to a group of one'))).toEqual(['bob/db refused'])
  expect(states(await alice.send('bob/db', 'seven, to it alone'))).toEqual(['bob/db delivered'])
  expect(await block({ grant: ['dm', 'broadcast'] })).toMatchObject({ blocked: [] })
  expect(states(await alice.send('bob', 'six'))).toEqual(['bob delivered'])
  const shown = (await bob.inbox({ all: true })).map(message => message.text)
  expect(shown).toEqual(['one', 'three, to both', 'hello from carol', 'six'])
  await expect(bob.call('block', { params: { member: 'bob' }, body: { block: ['dm'] } })).rejects.toThrow(
    'Nobody blocks themselves',
  )
  await expect(bob.call('block', { params: { member: 'alice' }, body: { block: ['all'] } })).rejects.toThrow()
})
