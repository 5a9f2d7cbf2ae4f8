/** Keys that people compared: the same number at both ends, pinned, and nobody else takes the name. */
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, describe, expect, test } from 'vitest'
import { ROUTES } from '../../src/api/routes.ts'
import type { Peer } from '../../src/api/schema.ts'
import { frameMessages } from '../../src/delivery/frame.ts'
import { admit, type Machine, machine, pair, readToken } from './world.ts'

afterAll(stopSharedPostgres)

const UUID = '11111111-2222-4333-8444-555555555555'

interface Verified {
  readonly name: string
  readonly member: string
  readonly digits: string[]
  readonly words: string[]
  readonly verified: boolean
  readonly nameTaken: boolean
}
type Member = Pick<Peer, 'name' | 'member' | 'verified' | 'nameTaken' | 'self'>

const numberOf = (at: Machine, peer: string) => at.call<Verified>('safetyNumber', { params: { peer } })
const confirm = (at: Machine, peer: string) => at.call<Verified>('confirmKey', { params: { peer } })
const keyOf = async (at: Machine): Promise<string> =>
  (await at.call<{ member: string }[]>('meshes')).map(({ member }) => member)[0]!
const members = (at: Machine) => at.call<Member[]>('members')
/** Resolves when `at` knows as many members. */
const knows = (at: Machine, count: number) =>
  expect.poll(async () => (await members(at)).length, { timeout: 10_000 }).toBe(count)

describe('a safety number', () => {
  test('is the same at both ends, and another with anybody else', async () => {
    const { alice, bob } = await pair()
    const carol = await machine()
    await admit(alice, carol, 'carol')
    await knows(alice, 3)
    const [atAlice, atBob] = [await numberOf(alice, 'bob'), await numberOf(bob, 'alice')]
    expect(atAlice.digits).toEqual(atBob.digits)
    expect(atAlice.words).toEqual(atBob.words)
    expect([atAlice.digits.length, atAlice.words.length]).toEqual([12, 15])
    const other = await numberOf(alice, 'carol')
    expect(other.digits).not.toEqual(atAlice.digits)
    expect(other.words).not.toEqual(atAlice.words)
    await expect(numberOf(alice, 'alice')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('is confirmed by a person alone, and then every name of that key says so, also after a restart', async () => {
    const { alice, bob } = await pair()
    const { tokenFile } = await alice.open(UUID, { name: 'web' })
    const token = await readToken(tokenFile)
    for (const route of ['safetyNumber', 'confirmKey', 'forgetKey'] as const)
      await expect(
        alice.call(route, { params: { peer: 'bob' }, token }),
        ROUTES[route][0],
      ).rejects.toMatchObject({
        code: 'forbidden',
      })
    expect((await alice.send('bob', 'one')).recipients).toMatchObject([{ verified: false, nameTaken: false }])
    expect(await confirm(alice, 'bob')).toMatchObject({ name: 'bob', verified: true })
    await alice.stop()
    await alice.start()
    expect((await alice.send('bob', 'two')).recipients).toMatchObject([{ to: 'bob', verified: true }])
    expect(await members(alice)).toMatchObject([
      { name: 'alice', self: true, verified: true },
      { name: 'bob', verified: true },
    ])
    expect((await alice.peers()).find(each => each.person === 'bob')).toMatchObject({ verified: true })
    await bob.send('alice/web', 'three')
    expect(await alice.inbox({ as: UUID })).toMatchObject([{ fromName: 'bob', verified: true }])
    // It is Alice's word alone: Bob confirmed nothing.
    expect(await bob.inbox()).toMatchObject([{ verified: false }, { verified: false }])
    await alice.call('forgetKey', { params: { peer: 'bob' } })
    expect(await numberOf(alice, 'bob')).toMatchObject({ verified: false })
  })
})

describe('another key under a verified name', () => {
  test('stops sending to that name until a person decides; by key everybody can be written to', async () => {
    const { alice, bob } = await pair()
    await confirm(alice, 'bob')
    const eve = await machine()
    await admit(alice, eve, 'bob')
    await knows(alice, 3)
    const [hers, his] = [await keyOf(eve), await keyOf(bob)]
    await bob.open(UUID, { name: 'api' })
    for (const to of ['bob', 'bob/api'])
      await expect(alice.send(to, 'secret')).rejects.toMatchObject({
        code: 'integrity',
        field: 'to',
        message: expect.stringMatching(/verify --confirm (-- )?[\w-]{12} .*remove .*verify --forget /),
        facts: { member: hers, confirmed: [his] },
      })
    expect(await eve.inbox({ all: true })).toEqual([])
    expect(await alice.call('outbox')).toEqual([])
    const promoting = alice.call('setRole', { params: { member: 'bob' }, body: { role: 'admin' } })
    await expect(promoting).rejects.toMatchObject({ code: 'integrity', field: 'member' })
    const checks = await alice.call<{ name: string; ok: boolean }[]>('doctor')
    expect(checks.find(({ name }) => name === 'home: keys')).toMatchObject({ ok: false })
    const { problems } = await alice.call<{ problems: object[] }>('status')
    expect(problems).toMatchObject([
      {
        code: 'integrity',
        message: expect.stringContaining(`verify ${hers.startsWith('-') ? '-- ' : ''}${hers.slice(0, 12)}`),
      },
    ])

    const seen = await members(alice)
    expect(seen.find(each => each.member === hers)).toMatchObject({ verified: false, nameTaken: true })
    expect(seen.find(each => each.member === his)).toMatchObject({ verified: true, nameTaken: false })
    await eve.send('alice', 'it is me, bob')
    const [mail] = await alice.inbox()
    expect(mail).toMatchObject({ fromName: 'bob', verified: false, nameTaken: true })
    expect(frameMessages([mail!])).toContain('"bob", NOT the key your user verified by this name')

    const sent = await alice.send(his.slice(0, 12), 'to the true one')
    expect(sent.recipients).toMatchObject([{ state: 'delivered', verified: true }])
    expect((await alice.trace(sent.id)).at(-1)).toMatchObject({
      byKey: { verified: true },
      toKey: { verified: true },
    })
    expect(await bob.inbox({ as: UUID })).toMatchObject([{ text: 'to the true one' }])

    await alice.call('removeMember', { params: { member: hers.slice(0, 12) } })
    expect((await alice.send('bob', 'again')).recipients).toMatchObject([{ state: 'delivered' }])
  })

  test('is stopped also when the verified one is gone, and reached once a person confirmed the new key', async () => {
    const { alice } = await pair()
    const bob = (await members(alice)).find(each => each.name === 'bob')!
    await confirm(alice, 'bob')
    await alice.call('removeMember', { params: { member: 'bob' } })
    const again = await machine()
    await admit(alice, again, 'bob')
    await knows(alice, 2)
    await expect(alice.send('bob', 'x')).rejects.toMatchObject({ code: 'integrity' })
    expect(await confirm(alice, 'bob')).toMatchObject({ verified: true, nameTaken: false })
    expect((await alice.send('bob', 'welcome back')).recipients).toMatchObject([{ state: 'delivered' }])
    // What was verified once can be taken back, of who is gone too.
    await alice.call('forgetKey', { params: { peer: bob.member } })
    await expect(alice.call('forgetKey', { params: { peer: bob.member } })).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  test('is not verified by a name that its owner took later: it says as whom it was', async () => {
    const { alice, bob } = await pair()
    await confirm(alice, 'bob')
    await bob.call('rename', { body: { name: 'carol' } })
    await expect
      .poll(async () => (await members(alice)).map(({ name }) => name), { timeout: 10_000 })
      .toContain('carol')
    expect((await members(alice)).find(each => each.name === 'carol')).toMatchObject({
      verified: false,
      nameTaken: false,
      verifiedAs: 'bob',
    })
    await bob.send('alice', 'trust me, I am carol')
    const [mail] = await alice.inbox()
    expect(frameMessages([mail!])).toContain('key verified by your user under another name, "bob"')
    expect(await confirm(alice, 'carol')).toMatchObject({ verified: true, verifiedAs: null })
  })

  test('confirmed beside the first makes the name ambiguous, never a guess', async () => {
    const { alice } = await pair()
    await confirm(alice, 'bob')
    const other = await machine()
    await admit(alice, other, 'bob')
    await knows(alice, 3)
    await confirm(alice, await keyOf(other))
    await expect(alice.send('bob', 'x')).rejects.toMatchObject({ code: 'ambiguous' })
  })
})
