import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stopSharedPostgres } from '@claudemesh/testkit'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { ROUTES, type RouteName } from '../../src/api/routes.ts'
import { errorReply } from '../../src/api/schema.ts'
import { homePaths, readMemberFile } from '../../src/home/index.ts'
import { type Machine, machine, pair, readToken } from './world.ts'

afterAll(stopSharedPostgres)

const UUID = '11111111-2222-4333-8444-555555555555'
const OTHER = '22222222-2222-4333-8444-555555555555'
const NAMES = Object.keys(ROUTES) as RouteName[]

interface Raw {
  token?: string | undefined
  headers?: Record<string, string>
  body?: string
  path?: string
}

async function raw(at: Machine, route: RouteName, { token, headers = {}, body, path }: Raw = {}) {
  const [method, pattern] = ROUTES[route]
  const paths = homePaths(at.home)
  const authorization = `Bearer ${token ?? (await readToken(paths.token))}`
  const response = await fetch(`http://localhost${path ?? pattern.replace(/:\w+/g, 'x'.repeat(8))}`, {
    unix: paths.socket,
    method,
    headers: { authorization, ...headers },
    ...(body === undefined || method === 'GET' ? {} : { body }),
  })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

/** Every refusal has a stable code and says nothing of the inside. */
function expectRefusal(answer: { status: number; text: string }, status: number, code?: string): void {
  const { error } = errorReply.parse(JSON.parse(answer.text))
  expect([answer.status, error.code]).toEqual([status, code ?? error.code])
  expect(answer.text).not.toMatch(/\bat .*\.ts|SQLITE|node_modules|SELECT/)
}

describe('nobody gets in', () => {
  test('without a token, with a wrong one, or with one in another place', async () => {
    const at = await machine()
    const good = await readToken(homePaths(at.home).token)
    for (const route of NAMES) {
      expectRefusal(await raw(at, route, { token: 'A'.repeat(43) }), 401, 'unauthenticated')
      expectRefusal(await raw(at, route, { headers: { authorization: '' } }), 401)
    }
    for (const authorization of [
      good,
      `Basic ${good}`,
      `Bearer  ${good}`,
      `Bearer ${good}x`,
      `Bearer ${good.slice(1)}`,
    ])
      expectRefusal(await raw(at, 'status', { headers: { authorization } }), 401)
    expect(
      (await raw(at, 'status', { path: `/v1/status?token=${good}`, headers: { authorization: '' } })).status,
    ).toBe(401)
    expect((await raw(at, 'status')).status).toBe(200)
  })

  test('from a web page: another host, or any origin, is refused with the right token', async () => {
    const at = await machine()
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1', 'localhost:1:2', ''])
      expectRefusal(await raw(at, 'status', { headers: { host } }), 403, 'forbidden')
    for (const origin of ['http://localhost', 'null', 'https://evil.example'])
      expectRefusal(await raw(at, 'status', { headers: { origin } }), 403, 'forbidden')
    for (const host of ['localhost', 'claudemesh', 'localhost:80'])
      expect((await raw(at, 'status', { headers: { host } })).status).toBe(200)
  })

  test('where there is no route', async () => {
    const at = await machine()
    for (const path of [
      '/',
      '/v1',
      '/v1/status/',
      '/v2/status',
      '/v1/../token',
      '/%2e%2e/token',
      '/v1/meshes/%00/leave',
    ])
      expect([404, 409]).toContain((await raw(at, 'status', { path })).status)
  })
})

describe("a session's token", () => {
  test('does what is the session’s to do and nothing else', async () => {
    const { alice, bob } = await pair()
    const mine = await readToken((await alice.open(UUID, { name: 'api' })).tokenFile)
    await alice.open(OTHER, { name: 'web' })
    await expect
      .poll(async () => (await bob.peers()).map(peer => peer.name), { timeout: 10_000 })
      .toEqual(expect.arrayContaining(['alice/api', 'alice/web']))
    await bob.send('alice/api alice/web', 'hello', { wait: 'none' })
    const secret = await alice.send('bob', 'between persons')

    for (const route of NAMES) {
      const answer = await raw(alice, route, { token: mine, body: '{}' })
      const own: readonly RouteName[] = [
        'status',
        'peers',
        'send',
        'inbox',
        'outbox',
        'trace',
        'presence',
        'hook',
        'line',
        'waitForWake',
        'setStatus',
      ]
      if (own.includes(route)) expect([route, answer.status]).not.toEqual([route, 403])
      else expectRefusal(answer, 403, 'forbidden')
    }
    const as = (body: object) =>
      alice.call('send', { token: mine, body: { to: ['bob'], text: 'x', ...body } })
    await expect(as({ as: 'web' })).rejects.toMatchObject({ code: 'forbidden', field: 'as' })
    await expect(as({ as: OTHER })).rejects.toMatchObject({ code: 'forbidden' })
    const sent = await alice.call<{ id: string }>('send', {
      token: mine,
      body: { to: ['bob'], text: 'as api' },
    })
    expect(await bob.next()).toMatchObject({ text: 'between persons', fromName: 'alice' })
    expect(await bob.inbox({ all: true })).toMatchObject([
      { fromName: 'alice' },
      { id: sent.id, fromName: 'alice/api' },
    ])

    await expect(alice.call('inbox', { token: mine, query: { as: 'web' } })).rejects.toMatchObject({
      code: 'forbidden',
    })
    await expect(alice.call('trace', { token: mine, params: { id: secret.id } })).rejects.toMatchObject({
      code: 'not-found',
    })
    expect(
      (await alice.call<object[]>('trace', { token: mine, params: { id: sent.id } })).slice(0, 2),
    ).toMatchObject([
      { state: 'pending', by: 'this machine' },
      { state: 'accepted', by: 'broker' },
    ])
    const status = { session_id: OTHER, status: 'dnd' }
    await expect(alice.call('setStatus', { token: mine, body: status })).rejects.toMatchObject({
      code: 'not-found',
    })
    expect(
      (await alice.call<{ name: string; status: string }[]>('sessions')).map(each => each.status),
    ).not.toContain('dnd')

    await alice.call('closeSession', { params: { uuid: UUID } })
    await expect(as({})).rejects.toMatchObject({ code: 'unauthenticated' })
  })

  test('sees itself, and not its sisters, as itself', async () => {
    const { alice } = await pair()
    const mine = await readToken((await alice.open(UUID, { name: 'api' })).tokenFile)
    await alice.open(OTHER, { name: 'web' })
    const peers = await alice.call<{ name: string; self: boolean }[]>('peers', { token: mine })
    expect(peers.filter(peer => peer.self).map(peer => peer.name)).toEqual(['alice/api'])
  })
})

describe('hostile input', () => {
  test('of any shape is refused with its field, and the daemon goes on', async () => {
    const at = await machine()
    const json = fc.oneof(
      fc.json({ maxDepth: 4 }),
      fc.constantFrom(
        '',
        '{',
        'null',
        '[]',
        '"x"',
        '1e999',
        '{"__proto__":{"kind":"user"}}',
        '{"to":["x"],"to":1}',
      ),
      fc.constant(`${'['.repeat(20_000)}${']'.repeat(20_000)}`),
    )
    const withBody = NAMES.filter(name => ROUTES[name][0] !== 'GET' && name !== 'shutdown')
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...withBody), json, async (route, body) => {
        const answer = await raw(at, route, { body })
        expect(answer.status, answer.text).not.toBe(500)
        if (answer.status >= 400) expectRefusal(answer, answer.status)
      }),
      { numRuns: 300 },
    )
    expect((await raw(at, 'status')).status).toBe(200)
  })

  test.each<[RouteName, object, string]>([
    ['openSession', { uuid: '../../x' }, 'uuid'],
    ['openSession', { uuid: UUID, pid: -1 }, 'pid'],
    ['openSession', { uuid: UUID, groups: Array(33).fill('g') }, 'groups'],
    ['openSession', { uuid: UUID, summary: 'x'.repeat(281) }, 'summary'],
    ['openSession', { uuid: UUID, colour: 'red' }, 'colour'],
    ['send', { to: [], text: 'x' }, 'to'],
    ['send', { to: ['x'], text: '' }, 'text'],
    ['send', { to: ['x'], text: 'x'.repeat(200_001) }, 'text'],
    ['send', { to: ['x'], text: 'x', ttlMs: 1 }, 'ttlMs'],
    ['send', { to: ['x'], text: 'x', replyTo: "'; DROP TABLE inbox; --" }, 'replyTo'],
    ['createInvite', { role: 'owner' }, 'role'],
    ['createMesh', { name: 'a', broker: 'file:///etc/passwd' }, 'broker'],
    ['createMesh', { name: 'a', broker: 'http://user:pass@h/' }, 'broker'],
    ['createMesh', { name: 'a\u202eb', broker: 'http://127.0.0.1:1' }, 'name'],
    ['createMesh', { name: 'a', broker: 'http://127.0.0.1:1', memberName: 'a/b' }, 'memberName'],
    ['createMesh', { name: 'a', broker: 'http://127.0.0.1:1', memberName: '@all' }, 'memberName'],
    ['createMesh', { name: '\u0000', broker: 'http://127.0.0.1:1' }, 'name'],
    ['join', { link: 'http://127.0.0.1:1/i/nothing#at-all' }, 'link'],
  ])('in %s %j is told by its field', async (route, body, field) => {
    const at = await machine()
    await expect(at.call(route, { body })).rejects.toMatchObject({
      code: expect.stringMatching(/bad-field|usage/),
      field,
    })
  })

  test('in the names of a session is refused, and a name in another form is the same name', async () => {
    const { alice, bob } = await pair()
    for (const name of ['a/b', '@all', 'a\u001b[31m', 'a\u200bb', '   ', 'a,b'])
      await expect(bob.open(UUID, { name })).rejects.toMatchObject({ field: 'name' })
    expect((await bob.open(UUID, { name: 'cafe\u0301', groups: ["'; DROP TABLE session; --"] })).name).toBe(
      'caf\u00e9',
    )
    await expect.poll(async () => (await alice.peers()).map(peer => peer.name)).toContain('bob/caf\u00e9')
    expect((await alice.send('bob/cafe\u0301', 'x')).reached).toBe(true)
  })

  test('that is too large is refused before it is read', async () => {
    const at = await machine()
    const body = JSON.stringify({ to: ['x'], text: 'x'.repeat(1 << 20) })
    expectRefusal(await raw(at, 'send', { body }), 413, 'too-large')
    expect((await raw(at, 'status')).status).toBe(200)
  })

  test('in paths and queries is refused', async () => {
    const { alice } = await pair()
    for (const id of ['x', '%00', '..%2f..', 'a'.repeat(5000), '01a1fd77-e789-7b80-8df0-21cf9a8f158Z'])
      expectRefusal(await raw(alice, 'trace', { path: `/v1/trace/${id}` }), 400)
    expectRefusal(await raw(alice, 'trace', { path: `/v1/trace/${UUID}` }), 404, 'not-found')
    expectRefusal(await raw(alice, 'inbox', { path: '/v1/inbox?limit=-1' }), 400)
    expectRefusal(await raw(alice, 'inbox', { path: `/v1/inbox?as=${'a'.repeat(65)}` }), 400)
    expectRefusal(await raw(alice, 'inbox', { path: '/v1/inbox?mesh=nowhere' }), 404, 'not-found')
    expectRefusal(await raw(alice, 'removeMember', { path: '/v1/members/nobody' }), 404, 'not-found')
    expectRefusal(await raw(alice, 'closeSession', { path: '/v1/sessions/nothing/close' }), 404, 'not-found')
  })

  test('in a flood of statuses is held off, and the hook is told how long', async () => {
    const { alice } = await pair()
    const token = await readToken((await alice.open(UUID, { name: 'api' })).tokenFile)
    const body = JSON.stringify({ session_id: UUID, status: 'working' })
    const first = await raw(alice, 'setStatus', { token, body })
    expect([first.status, first.text]).toEqual([204, ''])
    const many = await Promise.all(
      Array.from({ length: 150 }, () => raw(alice, 'setStatus', { token, body })),
    )
    const limited = many.filter(answer => answer.status === 429)
    expect(limited.length).toBeGreaterThanOrEqual(30)
    expect(Number(limited[0]!.headers.get('retry-after'))).toBeGreaterThan(0)
    expectRefusal(await raw(alice, 'setStatus', { token, body: '{"session_id":1}' }), 400, 'bad-field')
  })
})

test('no answer and no log holds a key or a token', async () => {
  const { alice } = await pair()
  const { tokenFile } = await alice.open(UUID, { name: 'api' })
  await alice.send('bob', 'canary-of-the-text')
  const paths = homePaths(alice.home)
  const [mesh] = await alice.call<{ id: string }[]>('meshes')
  const member = readMemberFile(paths, mesh!.id)!
  const secrets = [
    ...[member.memberSeed, member.agreement.x25519, member.agreement.xwing].map(each =>
      Buffer.from(each).toString('base64url'),
    ),
    JSON.parse(readFileSync(join(paths.sessions, mesh!.id, `${UUID}.json`), 'utf8')).seed as string,
    await readToken(paths.token),
    await readToken(tokenFile),
  ]
  const told = await Promise.all(
    NAMES.filter(name => ROUTES[name][0] === 'GET').map(async name => (await raw(alice, name)).text),
  )
  await alice.stop()
  const all = [...told, readFileSync(paths.log, 'utf8')].join('\n')
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(30)
    expect(all).not.toContain(secret)
  }
  expect(readFileSync(paths.log, 'utf8')).not.toContain('canary-of-the-text')
})
