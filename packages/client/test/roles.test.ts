/** Who may do what in a mesh, and how it passes from hand to hand. */
import { MeshError, type Role } from '@claudemesh/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { previewInvite } from '../src/index.ts'
import {
  couple,
  found,
  join,
  type Machine,
  online,
  person,
  reached,
  startWorld,
  text,
  type World,
  when,
} from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    error => (error instanceof MeshError ? error.code : String(error)),
  )
const keyOf = (one: Machine) => one.identity.member.publicKey
const roles = (one: Machine) => one.client.members().map(({ name, role }) => `${name} ${role}`)
const sees = (one: Machine, ...wanted: string[]) =>
  when(one.client, 'roster', () => roles(one).join() === wanted.join())
const stop = (...all: Machine[]) => Promise.all(all.map(one => one.client.stop()))

describe('roles', () => {
  test('a mesh is handed over: a second owner, the first steps down or goes, and the key is a new one', async () => {
    const { alice, bob } = await couple(world)
    expect(await alice.client.setRole(keyOf(bob), 'owner')).toBe(true)
    expect(await alice.client.setRole(keyOf(bob), 'owner')).toBe(false)
    await sees(bob, 'Alice owner', 'Bob owner')
    expect(await bob.client.setRole(keyOf(alice), 'member')).toBe(true)
    await sees(alice, 'Alice member', 'Bob owner')
    expect(await code(bob.client.setRole(keyOf(bob), 'admin'))).toBe('forbidden')
    expect(await code(bob.client.leave())).toBe('forbidden')
    await alice.client.leave()
    await when(bob.client, 'roster', () => bob.client.view().epoch === 2)
    expect(roles(bob)).toEqual(['Bob owner'])
    await stop(alice, bob)
  })

  test('an admin moves members and viewers, and nobody else; a viewer changes nothing but itself', async () => {
    const alice = await found(world)
    const invite = async (role: Exclude<Role, 'owner'>) =>
      (await alice.client.invite({ role, uses: 1, expiresMs: 60_000 })).link
    const bob = await join(world, await invite('admin'), 'Bob')
    const carol = await join(world, await invite('member'), 'Carol')
    await sees(bob, 'Alice owner', 'Bob admin', 'Carol member')
    expect(await bob.client.setRole(keyOf(carol), 'viewer')).toBe(true)
    const refused = [
      bob.client.setRole(keyOf(carol), 'admin'),
      bob.client.setRole(keyOf(alice), 'member'),
      bob.client.remove(keyOf(alice)),
      bob.client.rename('mesh', 'Bobs'),
      bob.client.moveBroker({ url: world.url, host: world.host }),
    ]
    expect(await Promise.all(refused.map(code))).toEqual(refused.map(() => 'forbidden'))
    await sees(carol, 'Alice owner', 'Bob admin', 'Carol viewer')
    const powerless = [
      carol.client.setRole(keyOf(carol), 'member'),
      carol.client.invite({ role: 'viewer', uses: 1, expiresMs: 60_000 }),
      carol.client.revokeInvite(alice.client.invites()[0]!.id),
      carol.client.remove(keyOf(bob)),
    ]
    expect(await Promise.all(powerless.map(code))).toEqual(powerless.map(() => 'forbidden'))
    await carol.client.rename('member', 'Carola')
    await sees(alice, 'Alice owner', 'Bob admin', 'Carola viewer')
    await alice.client.setRole(keyOf(bob), 'member')
    expect(alice.client.invites().map(one => one.state)).toEqual(['used', 'used'])
    await stop(alice, bob, carol)
  })

  test('who sinks takes along the invites that it could write no more', async () => {
    const alice = await found(world)
    const { link } = await alice.client.invite({ role: 'admin', uses: 1, expiresMs: 60_000 })
    const bob = await join(world, link, 'Bob')
    const made = await bob.client.invite({ role: 'member', uses: 1, expiresMs: 60_000 })
    await when(alice.client, 'roster', () => alice.client.invites().length === 2)
    await alice.client.setRole(keyOf(bob), 'member')
    expect(alice.client.invites().map(one => one.state)).toEqual(['used', 'void'])
    expect(await code(join(world, made.link, 'Mallory'))).toBe('forbidden')
    await stop(alice, bob)
  })
})

describe('a name', () => {
  test('of the mesh or of a member is the same new one for everybody, also across a rekey and for who joins later', async () => {
    const { alice, bob } = await couple(world)
    const { link } = await alice.client.invite({ role: 'member', uses: 1, expiresMs: 60_000 })
    const carol = await join(world, link, 'Carol')
    await alice.client.rename('mesh', 'Core team')
    await bob.client.rename('member', 'Robert')
    await sees(carol, 'Alice owner', 'Robert member', 'Carol member')
    expect([alice, bob, carol].map(one => one.client.view().name)).toEqual(Array(3).fill('Core team'))
    await alice.client.remove(keyOf(carol))
    await when(bob.client, 'roster', () => bob.client.view().epoch === 2)
    await alice.client.rename('mesh', 'Smaller team')
    await when(bob.client, 'roster', () => bob.client.view().name === 'Smaller team')
    const again = await alice.client.invite({ role: 'member', uses: 1, expiresMs: 60_000 })
    expect((await previewInvite({ link: again.link, now: Date.now })).meshName).toBe('Smaller team')
    const dave = await join(world, again.link, 'Dave')
    expect([dave.client.view().name, ...roles(dave)]).toEqual([
      'Smaller team',
      'Alice owner',
      'Robert member',
      'Dave member',
    ])
    expect(await code(alice.client.rename('mesh', ''))).not.toBe('no error')
    await stop(alice, bob, carol, dave)
  })
})

test('an expired invite is ended in writing by the first admin who is online, once', async () => {
  const alice = await found(world)
  await alice.client.invite({ role: 'member', uses: 1, expiresMs: 1 })
  const lasting = await alice.client.invite({ role: 'admin', uses: 1, expiresMs: 3_600_000 })
  const bob = await join(world, lasting.link, 'Bob')
  await when(bob.client, 'roster', () => bob.client.invites()[0]?.state === 'revoked')
  await when(alice.client, 'roster', () => alice.client.invites()[0]?.state === 'revoked')
  // Genesis, broker, two invites, the join and one revocation.
  expect(alice.client.view().rosterSeq).toBe(5)
  await stop(alice, bob)
})

test('the broker under another address: proven, named first, dialled from then on, and in every link', async () => {
  const { alice, bob } = await couple(world)
  const host = world.host.replace('127.0.0.1', 'localhost')
  const url = `ws://${host}/ws`
  const lies = { url: world.url, host: 'mesh.example.org' }
  expect(await code(alice.client.moveBroker(lies))).toBe('unauthenticated')
  const other = await startWorld()
  expect(await code(alice.client.moveBroker(other))).toMatch(/^(unknown-mesh|integrity)$/)
  await other.broker.stop()
  expect(await code(alice.client.moveBroker(other))).toBe('unreachable')
  expect(alice.client.view()).toMatchObject({ host: world.host, rosterSeq: 3 })

  const away = when(alice.client, 'state', () => alice.client.state !== 'online')
  await alice.client.moveBroker({ url, host })
  await away
  await online(alice.client)
  expect(alice.client.view()).toMatchObject({ url, host, rosterSeq: 4 })
  const { link } = await alice.client.invite({ role: 'member', uses: 1, expiresMs: 60_000 })
  expect(link).toMatch(new RegExp(`^http://${host}/i/`))
  const carol = await join(world, link, 'Carol')
  const sent = await alice.client.send(text(null, [person(bob)], 'still there'))
  await reached(alice.client, sent, 'delivered')
  await stop(alice, bob, carol)
})
