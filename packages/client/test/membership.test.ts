import { MeshError, toBase64url } from '@claudemesh/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { previewInvite } from '../src/index.ts'
import {
  couple,
  found,
  join,
  openSession,
  person,
  reached,
  received,
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

test('an invite shows where it leads before anybody joins, serves as often as it says, and not once revoked', async () => {
  const alice = await found(world, 'Alice')
  const once = await alice.client.invite({ role: 'admin', uses: 1, expiresMs: 60_000 })
  expect(await previewInvite({ link: once.link, now: Date.now })).toMatchObject({
    meshName: 'Test mesh',
    inviterName: 'Alice',
    role: 'admin',
    host: world.host,
  })
  const bob = await join(world, once.link, 'Bob')
  expect(bob.client.view()).toMatchObject({ memberName: 'Bob', role: 'admin', members: 2 })
  expect(await code(join(world, once.link, 'Carol'))).toBe('forbidden')
  const second = await alice.client.invite({ role: 'member', uses: 1, expiresMs: 60_000 })
  await alice.client.revokeInvite(second.id)
  expect(await code(join(world, second.link, 'Carol'))).toBe('forbidden')
  expect(alice.client.invites().map(one => one.state)).toEqual(['used', 'revoked'])
  const late = { link: second.link, now: () => Date.now() + 120_000 }
  expect(await code(previewInvite(late))).toBe('forbidden')
  await alice.client.stop()
  await bob.client.stop()
})

test('an invite serves up to the very ms it names, and one that expired is revoked in writing', async () => {
  const alice = await found(world)
  const terms = { role: 'member' as const, uses: 1 }
  const made = await alice.client.invite({ ...terms, expiresMs: 60_000 })
  const at = (now: number) => code(previewInvite({ link: made.link, now: () => now }))
  expect([await at(made.expiresAt), await at(made.expiresAt + 1)]).toEqual(['no error', 'expired'])
  let shift = 0
  await alice.client.stop()
  await alice.start({ shift: () => shift })
  await when(alice.client, 'state', () => alice.client.state === 'online')
  const short = await alice.client.invite({ ...terms, expiresMs: 1 })
  shift = 30_000
  await alice.client.invite({ ...terms, expiresMs: 60_000 })
  await when(alice.client, 'roster', () => alice.client.invites()[1]?.state === 'revoked')
  expect(alice.client.invites().map(one => one.state)).toEqual(['open', 'revoked', 'open'])
  expect(await code(alice.client.revokeInvite(short.id))).toBe('conflict')
  await alice.client.stop()
})

test('a link whose secret or entry was changed opens nothing', async () => {
  const alice = await found(world)
  const { link } = await alice.client.invite({ role: 'member', uses: 1, expiresMs: 60_000 })
  const [head, fragment] = link.split('#') as [string, string]
  const bytes = Buffer.from(fragment, 'base64url')
  for (const at of [0, 63]) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1
    const forged = `${head}#${changed.toString('base64url')}`
    expect(['integrity', 'unauthenticated', 'not-found', 'forbidden']).toContain(
      await code(previewInvite({ link: forged, now: Date.now })),
    )
  }
  await alice.client.stop()
})

test('who is removed is told so, reads no name of the next epoch, and mail to them ends with a word of why', async () => {
  const alice = await found(world)
  const { link } = await alice.client.invite({ role: 'member', uses: 5, expiresMs: 60_000 })
  const bob = await join(world, link, 'Bob')
  const carol = await join(world, link, 'Carol')
  await when(alice.client, 'roster', () => alice.client.view().members === 3)
  await bob.client.stop()
  const waiting = await alice.client.send(text(null, [person(bob)], 'never read'))
  await reached(alice.client, waiting, 'accepted')
  await alice.client.remove(bob.identity.member.publicKey)
  await reached(alice.client, waiting, 'removed')
  expect(alice.client.trace(waiting).at(-1)).toMatchObject({ state: 'removed', by: 'broker', verified: true })
  await expect(alice.client.send(text(null, [person(bob)], 'again'))).rejects.toThrow('removed')
  await when(carol.client, 'roster', () => carol.client.view().epoch === 2)
  expect(carol.client.members().map(one => one.name)).toEqual(['Alice', 'Carol'])
  const session = await openSession(alice, 'api')
  await when(carol.client, 'presence', () => carol.client.peers().some(one => one.uuid === session.uuid))
  expect(carol.client.peers().find(one => one.uuid === session.uuid)?.profile?.name).toBe('api')
  await bob.start()
  await when(bob.client, 'state', () => bob.client.state === 'removed' || bob.client.why !== null)
  expect(bob.client.why?.code).toMatch(/^(removed|unauthenticated|forbidden)$/)
  const after = await alice.client.send(text(null, [person(carol)], 'still here'))
  await reached(alice.client, after, 'delivered')
  for (const one of [alice, bob, carol]) await one.client.stop()
})

test('after somebody left, the first admin online begins the next epoch', async () => {
  const { alice, bob } = await couple(world)
  await bob.client.leave()
  await when(alice.client, 'roster', () => alice.client.view().epoch === 2)
  expect(alice.client.members().map(one => one.name)).toEqual(['Alice'])
  expect(await code(alice.client.leave())).toBe('forbidden')
  await alice.client.stop()
  await bob.client.stop()
})

test('two admins who write at the same moment both succeed', async () => {
  const alice = await found(world)
  const { link } = await alice.client.invite({ role: 'admin', uses: 1, expiresMs: 60_000 })
  const bob = await join(world, link, 'Bob')
  const invites = await Promise.all(
    [alice, bob, alice, bob].map(one => one.client.invite({ role: 'member', uses: 1, expiresMs: 60_000 })),
  )
  expect(new Set(invites.map(one => toBase64url(one.id))).size).toBe(4)
  await when(alice.client, 'roster', () => alice.client.invites().length === 5)
  await alice.client.stop()
  await bob.client.stop()
})

test('a session shows with its profile and status, and offline when its machine is gone', async () => {
  const { alice, bob } = await couple(world)
  const session = await openSession(bob, 'api')
  const seen = () => alice.client.peers().find(one => one.uuid === session.uuid)
  await when(alice.client, 'presence', () => seen() !== undefined)
  bob.client.setStatus(session.uuid, 'working', 'hook', Date.now())
  await when(alice.client, 'presence', () => seen()?.status === 'working')
  expect(seen()).toMatchObject({
    source: 'hook',
    lease: 'online',
    signed: true,
    memberName: 'Bob',
    self: false,
  })
  expect(seen()?.profile).toMatchObject({ name: 'api', directory: '/x' })
  await bob.client.stop()
  await when(alice.client, 'presence', () => seen()?.lease !== 'online')
  expect(seen()?.lease).toBe('away')
  const queued = await alice.client.send(text(null, [session.recipient], 'for later'))
  await reached(alice.client, queued, 'accepted')
  await bob.start()
  await received(bob.client, session.uuid, 1)
  await alice.client.stop()
  await bob.client.stop()
})
