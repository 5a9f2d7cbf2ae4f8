/** Roles and names over the daemon's API: what a person asks for is done for everybody, or refused with the reason. */
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { type Machine, pair } from './world.ts'

afterAll(stopSharedPostgres)

type Member = { name: string; role: string; self: boolean }
const members = async (one: Machine) =>
  (await one.call<Member[]>('members')).map(({ name, role }) => `${name} ${role}`)

test('a role by name is told whether it is new; who may not give it hears why', async () => {
  const { alice, bob } = await pair()
  const give = (by: Machine, member: string, role: string) =>
    by.call('setRole', { params: { member }, body: { role } })
  await expect(give(bob, 'alice', 'member')).rejects.toMatchObject({ code: 'forbidden' })
  await expect(give(alice, 'alice', 'admin')).rejects.toMatchObject({
    code: 'forbidden',
    message: expect.stringContaining('last owner'),
  })
  await expect(give(alice, 'nobody', 'admin')).rejects.toMatchObject({
    code: 'not-found',
    facts: { candidates: expect.arrayContaining([expect.stringMatching(/^bob \(/)]) },
  })
  await expect(give(alice, 'bob', 'king')).rejects.toMatchObject({ code: 'bad-field', field: 'role' })
  expect(await give(alice, 'bob', 'owner')).toMatchObject({ name: 'bob', role: 'owner', changed: true })
  expect(await give(alice, 'bob', 'owner')).toMatchObject({ changed: false })
  expect(await members(alice)).toEqual(['alice owner', 'bob owner'])
})

test('the last owner cannot leave; after a second one it can, and who stays owns the mesh', async () => {
  const { alice, bob } = await pair()
  const [{ id }] = (await alice.call<{ id: string }[]>('meshes')) as [{ id: string }]
  const leave = () => alice.call('leaveMesh', { params: { mesh: id } })
  await expect(leave()).rejects.toMatchObject({ code: 'forbidden' })
  await alice.call('setRole', { params: { member: 'bob' }, body: { role: 'owner' } })
  await leave()
  expect(await alice.call('meshes')).toEqual([])
  await expect.poll(() => members(bob), { timeout: 30_000 }).toEqual(['bob owner'])
})

test('a new name is an address at once; one that no address can carry is refused', async () => {
  const { alice, bob } = await pair()
  await bob.call('rename', { body: { name: 'robert' } })
  // A message to the new name proves that alice's daemon has the entry.
  await bob.send('alice', 'it is me')
  expect((await alice.send('robert', 'hello')).recipients).toMatchObject([
    { to: 'robert', state: 'delivered' },
  ])
  await expect(bob.call('rename', { body: { name: 'a/b' } })).rejects.toMatchObject({ code: 'usage' })
  const mesh = 'home'
  await expect(bob.call('renameMesh', { params: { mesh }, body: { name: 'mine' } })).rejects.toMatchObject({
    code: 'forbidden',
  })
  expect(await alice.call('renameMesh', { params: { mesh }, body: { name: 'team' } })).toMatchObject({
    name: 'team',
  })
})
