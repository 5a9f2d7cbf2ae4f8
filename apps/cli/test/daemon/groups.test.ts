/** One message to many: by group, by what is above it, to everybody; the speaker left out, the absent not. */
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { admit, type Machine, machine, pair } from './world.ts'

afterAll(stopSharedPostgres)

const uuid = (n: number) => `${String(n).repeat(8)}-2222-4333-8444-555555555555`
const texts = async (at: Machine, as?: string) =>
  (await at.inbox(as === undefined ? {} : { as })).map(({ text }) => text)
const words = (at: Machine, as: string, change: object) =>
  at.call<{ groups: string[]; summary: string }>('presence', { body: { as, ...change } })
/** Resolves when `at` sees this session in these groups. */
const sees = (at: Machine, name: string, groups: string[]) =>
  expect
    .poll(async () => (await at.peers()).find(peer => peer.name === name)?.groups, { timeout: 10_000 })
    .toEqual(groups)

test('a group reaches what is below it, people whose session there is closed, and who is offline', async () => {
  const { alice, bob } = await pair()
  const [carol, dave] = [await machine(), await machine()]
  await admit(alice, carol, 'carol')
  await admit(alice, dave, 'dave')
  await alice.open(uuid(1), { name: 'web', groups: ['core'] })
  await bob.open(uuid(2), { name: 'api', groups: ['core/backend:lead', 'ops'] })
  await carol.open(uuid(3), { name: 'ui', groups: ['core/front'] })
  await sees(alice, 'bob/api', ['core/backend:lead', 'ops'])
  await sees(alice, 'carol/ui', ['core/front'])
  await carol.call('closeSession', { params: { uuid: uuid(3) } })
  await expect
    .poll(async () => (await alice.peers()).find(peer => peer.name === 'carol/ui')?.status, {
      timeout: 10_000,
    })
    .toBe('closed')
  await bob.stop()

  const sent = await alice.send('@core', 'to core', { as: 'web', wait: 'accepted' })
  expect(sent.recipients.map(({ to, state }) => [to, state])).toEqual([
    ['bob/api', 'accepted'],
    ['carol', expect.stringMatching(/accepted|delivered/)],
  ])
  await bob.start()
  await expect.poll(() => texts(bob, uuid(2)), { timeout: 10_000 }).toEqual(['to core'])
  await carol.open(uuid(4), { name: 'new' })
  await expect.poll(() => texts(carol, uuid(4)), { timeout: 10_000 }).toEqual(['to core'])
  expect(await dave.inbox({ all: true })).toEqual([])
  expect(await alice.inbox({ as: uuid(1), all: true })).toEqual([])

  // Several addresses that meet: one slot for each recipient, and one message.
  const all = await alice.send('@all @core:lead bob/api dave', 'to all', { as: 'web' })
  expect(all.recipients.map(({ to, state }) => [to, state])).toEqual([
    ['bob/api', 'delivered'],
    ['carol/new', 'delivered'],
    ['dave', 'delivered'],
  ])
  expect(await texts(dave)).toEqual(['to all'])
})

test('groups are joined and left while the session runs, and kept when it is opened again', async () => {
  const { alice, bob } = await pair()
  await bob.open(uuid(2), { name: 'api', groups: ['ops:watch'] })
  await sees(alice, 'bob/api', ['ops:watch'])
  expect(await words(bob, 'api', { join: ['@core/backend', 'ops:lead'], summary: 'queues' })).toMatchObject({
    groups: ['core/backend', 'ops:lead'],
    summary: 'queues',
  })
  await sees(alice, 'bob/api', ['core/backend', 'ops:lead'])
  await words(bob, 'api', { leave: ['ops'] })
  await sees(alice, 'bob/api', ['core/backend'])
  await expect(alice.send('@ops', 'x')).rejects.toMatchObject({ code: 'not-found' })
  await expect(words(bob, 'api', { leave: ['ops'] })).rejects.toMatchObject({
    code: 'not-found',
    facts: { candidates: ['core/backend'] },
  })
  const many = Array.from({ length: 32 }, (_, n) => `g${n}`)
  await expect(words(bob, 'api', { join: many })).rejects.toMatchObject({ code: 'usage', field: 'join' })
  await expect(words(bob, 'api', { join: ['a//b'] })).rejects.toMatchObject({
    code: 'usage',
    field: 'join.0',
  })
  await bob.stop()
  await bob.start()
  await bob.open(uuid(2))
  await sees(alice, 'bob/api', ['core/backend'])
})
