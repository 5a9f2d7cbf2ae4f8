/** What a user calls things: SQL and the like are words and arrive as they are; what cannot be seen is refused with its field. */
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, describe, expect, test } from 'vitest'
import type { RouteName } from '../../src/api/routes.ts'
import type { Peer } from '../../src/api/schema.ts'
import { broker, type Machine, machine, pair } from '../daemon/world.ts'

afterAll(stopSharedPostgres)

const UUID = '11111111-2222-4333-8444-555555555555'
/** No slash and no comma: addresses are made with these. */
const SQL = [
  "'; DROP TABLE mesh.delivery; --",
  "Robert'); DELETE FROM inbox WHERE 1=1;--",
  '" OR ""="',
  "\\'; SELECT pg_sleep(9); --",
  '$1 :name ?1 %s $x {{y}} `id` $(id)',
  '__proto__',
  'constructor',
  'null',
  '%00%0a..%2f',
  '..',
  '<script>alert(1)<script>',
]
const MESHES = SQL.slice(0, 6)
/** One of each kind that is not seen: C0, DEL, C1, line end, override, isolate, joiner, tag, unassigned, private use. */
const HIDDEN = [0, 7, 0x1b, 0x7f, 0x9b, 0x2028, 0x202e, 0x2066, 0x200b, 0xfeff, 0xe0041, 0x378, 0xe000].map(
  point => String.fromCodePoint(point),
)

describe('SQL and its like', () => {
  test('in mesh, member, session, group, role and summary arrive as they are', async () => {
    const server = await broker()
    const [alice, bob] = [await machine(), await machine()]
    for (const [i, word] of MESHES.entries()) {
      const mesh = await alice.call<{ id: string; name: string; memberName: string }>('createMesh', {
        body: { name: word, broker: server.url, memberName: word },
      })
      expect([mesh.name, mesh.memberName]).toEqual([word, word])
      if (i >= 3) continue
      const { link } = await alice.call<{ link: string }>('createInvite', {
        body: { mesh: mesh.id.slice(0, 20) },
      })
      expect(await bob.call('join', { body: { link, name: `${word} too` } })).toMatchObject({ mesh: word })
    }
    expect((await alice.call<{ name: string }[]>('meshes')).map(({ name }) => name).toSorted()).toEqual(
      MESHES.toSorted(),
    )
    // By its name and no other it is found.
    for (const word of SQL.slice(0, 3)) {
      const members = await bob.call<{ name: string }[]>('members', { query: { mesh: word } })
      expect(members.map(({ name }) => name).toSorted()).toEqual([word, `${word} too`].toSorted())
    }
  })

  test('in a session’s words arrive as they are, and it is written to by that very name', async () => {
    const { alice, bob } = await pair()
    for (const [i, word] of SQL.entries()) {
      const uuid = UUID.replace('1111', `${1000 + i}`)
      const summary = `${word} ${'"'.repeat(8)} ${word}`.slice(0, 280)
      await bob.open(uuid, { name: word, role: word, groups: [word], summary, directory: `/${word}` })
      const seen = async () =>
        (await alice.peers()).find(each => each.uuid === uuid && each.name === `bob/${word}`)
      await expect
        .poll(seen)
        .toMatchObject({ role: word, groups: [word], summary, directory: `/${word}` } satisfies Partial<Peer>)
      const sent = await alice.send(`bob/${word}`, `to ${word}`, { to: [`bob/${word}`] })
      expect(sent.recipients).toMatchObject([{ to: `bob/${word}`, state: 'delivered' }])
      const grouped = await alice.send('', 'g', { to: [`@${word}`] })
      expect(grouped.recipients).toMatchObject([{ to: `bob/${word}`, state: 'delivered' }])
      expect((await bob.inbox({ as: uuid })).map(({ text }) => text)).toEqual([`to ${word}`, 'g'])
    }
  })

  test('in a query, a path or an id finds nothing and harms nothing', async () => {
    const { alice } = await pair()
    for (const word of SQL) {
      const asks: [RouteName, object][] = [
        ['members', { query: { mesh: word } }],
        ['inbox', { query: { as: word } }],
        ['outbox', { query: { as: word } }],
        ['trace', { params: { id: word } }],
        ['retryOutbox', { params: { id: word } }],
        ['closeSession', { params: { uuid: word } }],
        ['removeMember', { params: { member: word } }],
        ['revokeInvite', { params: { id: word } }],
        ['leaveMesh', { params: { mesh: word } }],
        ['send', { body: { to: [word], text: 'x' } }],
        ['presence', { body: { as: word, status: 'dnd' } }],
      ]
      for (const [route, request] of asks)
        await expect(alice.call(route, request), `${route} ${word}`).rejects.toMatchObject({
          code: expect.stringMatching(/^(not-found|bad-field|usage)$/),
        })
    }
    expect(await alice.call('members')).toHaveLength(2)
    expect((await alice.send('bob', 'still here')).reached).toBe(true)
  })
})

describe('what cannot be seen', () => {
  const refused = async (at: Machine, route: RouteName, body: object, field: string) =>
    expect(at.call(route, { body }), JSON.stringify(body)).rejects.toMatchObject({
      code: expect.stringMatching(/^(usage|bad-field)$/),
      field: expect.stringMatching(new RegExp(`^${field}`)),
    })
  test('is refused with its field wherever a name or a word is given, and nothing was opened or founded', async () => {
    const { server, alice, bob } = await pair()
    const { link } = await alice.call<{ link: string }>('createInvite', { body: {} })
    await bob.open(UUID, { name: 'api' })
    const guest = await machine()
    for (const hidden of HIDDEN) {
      const word = `a${hidden}b`
      const uuid = crypto.randomUUID()
      await refused(guest, 'createMesh', { name: word, broker: server.url, memberName: 'a' }, 'name')
      await refused(guest, 'createMesh', { name: 'a', broker: server.url, memberName: word }, 'memberName')
      await refused(guest, 'join', { link, name: word }, 'name')
      await refused(bob, 'openSession', { uuid, name: word }, 'name')
      await refused(bob, 'openSession', { uuid, name: 'b', role: word }, 'role')
      await refused(bob, 'openSession', { uuid, name: 'b', groups: ['sound', word] }, 'groups\\.1')
      await refused(bob, 'openSession', { uuid, name: 'b', summary: word }, 'summary')
      await refused(bob, 'openSession', { uuid, name: 'b', directory: word }, 'directory')
      await refused(bob, 'presence', { as: UUID, summary: word }, 'summary')
    }
    expect(await guest.call('meshes')).toEqual([])
    expect(await bob.call('sessions')).toHaveLength(1)
    // The link was used by nobody.
    await guest.call('join', { body: { link, name: 'carol' } })
    expect(await alice.call('members')).toHaveLength(3)
  })
})
