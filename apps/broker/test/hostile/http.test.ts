/** Every route of the broker's HTTP side under the wrong method, path, headers, body and Origin. */
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attached, type Founded, foundMesh, type TestBroker, testBroker } from '../test-broker.ts'
import { newSession } from '../test-member.ts'
import { rawHttp, request } from './raw-http.ts'

let broker: TestBroker
let founded: Founded
let token = ''
let uuid = ''
beforeAll(async () => {
  broker = await testBroker()
  founded = await foundMesh(broker)
  const { socket } = await attached(broker.port, founded.mesh, await founded.join())
  const session = newSession(founded.mesh.owner)
  const attach = await founded.socket.attach(founded.mesh, session)
  token = attach.hookToken!
  uuid = session.uuid
  await socket.close()
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})

const INSIDE = /node_modules|\.ts\b|postgres|select |insert |stack|bun\b|drizzle|hono/i
const PAGES = ['/live', '/ready', '/health', '/metrics', `/i/${'A'.repeat(22)}`]
const METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']
const url = (path: string) => `http://127.0.0.1:${broker.port}${path}`
const hook = (body: string, headers: Record<string, string> = {}) =>
  fetch(url('/hook/set-status'), {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, ...headers },
    body,
  })
const status = async (answer: Promise<Response>) => (await answer).status

/** Whatever it was: a known refusal in one shape, with the headers of every answer and nothing of the inside. */
async function expectRefusal(answer: Response, statuses: number[], code?: string): Promise<void> {
  const text = await answer.text()
  expect(statuses, text).toContain(answer.status)
  expect(text).not.toMatch(INSIDE)
  expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff')
  expect(answer.headers.get('Server')).toBeNull()
  if (code !== undefined) expect(JSON.parse(text)).toMatchObject({ error: { code } })
}

describe('methods', () => {
  test.each(PAGES)('%s answers GET and HEAD alone', async path => {
    for (const method of METHODS) await expectRefusal(await fetch(url(path), { method }), [404, 405])
    const head = await fetch(url(path), { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test('/hook/set-status answers POST alone, and /ws an upgrade alone', async () => {
    for (const method of ['GET', 'HEAD', ...METHODS.slice(1)])
      expect([404, 405]).toContain(await status(fetch(url('/hook/set-status'), { method })))
    for (const method of ['GET', 'POST', 'PUT', 'DELETE'])
      expect(await status(fetch(url('/ws'), { method }))).toBe(426)
  })

  test('a method nobody knows, CONNECT, and HTTP of another version are refused at the door', async () => {
    for (const line of [
      'SUDO /live HTTP/1.1',
      'CONNECT 127.0.0.1:22 HTTP/1.1',
      'GET /live HTTP/9.9',
      'GET /live',
      'G\u0000T /live HTTP/1.1',
    ]) {
      const answer = await rawHttp(broker.port, `${line}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
      expect([0, 400, 404, 405, 501, 505], line).toContain(answer.status)
      expect(answer.body).not.toMatch(INSIDE)
    }
  })
})

describe('paths', () => {
  test.each([
    '/../../../etc/passwd',
    '/i/../../etc/passwd',
    '/i/..%2f..%2f..%2fetc%2fpasswd',
    '/i/%2e%2e/%2e%2e/etc/passwd',
    '/%2e%2e%2f%2e%2e%2fetc/passwd',
    '/..\\..\\etc\\passwd',
    '//etc/passwd',
    '/./live/',
    '/live%00',
    '/live/%00.json',
    '/i/%',
    '/i/%ff%fe',
    '/i/%E0%A4%A',
    `/i/${'A'.repeat(21)}`,
    `/i/${'A'.repeat(23)}`,
    "/i/'%20OR%201=1;--%20aaaaaa",
    `/${'a/'.repeat(3000)}`,
    '/hook/set-status/',
    '/hook//set-status',
    '/metrics/..;/live',
    'http://evil.example/live/x',
    '*',
  ])('%s leads nowhere', async path => {
    const answer = await rawHttp(broker.port, request(`GET ${path} HTTP/1.1`))
    expect([0, 400, 404, 414, 431]).toContain(answer.status)
    expect(answer.body).not.toMatch(/root:|INSIDE/)
    expect(answer.body).not.toMatch(INSIDE)
  })

  test('a question behind a path is nothing to it', async () => {
    for (const query of ['?a=1', "?';DROP TABLE mesh.node;--", `?${'x'.repeat(4000)}`, '?__proto__[x]=1'])
      expect(
        (await rawHttp(broker.port, request(`GET /live${query.replace(/ /g, '%20')} HTTP/1.1`))).status,
      ).toBe(200)
  })
})

describe('headers', () => {
  test('too many, too long, doubled, without an end or with a break inside them bring nothing down', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => `X-${i}: y`)
    const cases: [string[], number[]][] = [
      [many, [0, 400, 431, 200]],
      [[`X-Long: ${'y'.repeat(100_000)}`], [0, 400, 431]],
      [['No colon here'], [0, 400]],
      [[': empty'], [0, 400]],
      [['X-Nul: a\u0000b'], [0, 400, 200]],
      [
        ['X-Fold: a', ' folded'],
        [0, 400, 200],
      ],
      [['Content-Length: -1'], [0, 400, 413]],
      [['Content-Length: 99999999999999999999'], [0, 400, 413]],
      [
        ['Content-Length: 5', 'Content-Length: 6'],
        [0, 400],
      ],
      [
        ['Content-Length: 5', 'Transfer-Encoding: chunked'],
        [0, 400],
      ],
      [['Transfer-Encoding: gzip'], [0, 400, 501]],
      [
        ['Transfer-Encoding: chunked', '', 'ffffffffffffffff', ''],
        [0, 200, 400, 413],
      ],
      [['Expect: 200-never'], [0, 200, 417]],
      [['Range: bytes=0-0,0-0,0-0'], [200]],
      [[`Cookie: ${'a=b;'.repeat(1000)}`], [200]],
      [[`X-Forwarded-For: ${'1.1.1.1,'.repeat(500)}`], [200]],
    ]
    for (const [headers, statuses] of cases) {
      const answer = await rawHttp(broker.port, request('GET /live HTTP/1.1', headers))
      expect(statuses, headers.join('|').slice(0, 80)).toContain(answer.status)
      expect(answer.body).not.toMatch(INSIDE)
    }
    expect(await status(fetch(url('/live')))).toBe(200)
  })

  test('a second request hidden behind a first is no request of its own', async () => {
    const hidden = 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'
    const smuggled = await rawHttp(
      broker.port,
      request(
        'POST /hook/set-status HTTP/1.1',
        ['Content-Length: 4', 'Transfer-Encoding: chunked'],
        `0\r\n\r\n${hidden}`,
      ),
    )
    expect(smuggled.body).not.toContain('claudemesh_connections')
  })

  test('who speaks for another address or by another name gains nothing', async () => {
    for (const name of ['X-Forwarded-For', 'Forwarded', 'Fly-Client-IP'])
      expect(await status(fetch(url('/metrics'), { headers: { [name]: '127.0.0.1' } }))).toBe(401)
    for (const host of ['evil.example', '127.0.0.1:1', 'localhost\t', '[::1]', '-'])
      expect(
        (
          await rawHttp(
            broker.port,
            `GET /i/${'A'.repeat(22)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
          )
        ).body,
      ).not.toContain(host === '-' ? 'Host' : host)
  })
})

describe('a foreign Origin', () => {
  const FOREIGN = [
    'https://evil.example',
    'null',
    'http://127.0.0.1',
    'http://localhost',
    'file://',
    'http://127.0.0.1.evil.example',
    "'",
    '*',
    '',
  ]
  test('gets nothing from any route, and no page of another is allowed to read an answer', async () => {
    for (const origin of FOREIGN.filter(each => each !== ''))
      for (const path of [...PAGES, '/no-page']) {
        const answer = await fetch(url(path), { headers: { Origin: origin } })
        expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull()
        await expectRefusal(answer, [403], 'forbidden')
      }
    const at = { Origin: 'https://evil.example' }
    await expectRefusal(
      await hook(JSON.stringify({ session_id: uuid, status: 'idle' }), at),
      [403],
      'forbidden',
    )
    const preflight = { ...at, 'Access-Control-Request-Method': 'POST' }
    await expectRefusal(
      await fetch(url('/hook/set-status'), { method: 'OPTIONS', headers: preflight }),
      [403],
    )
  })

  test('opens no socket', async () => {
    const upgrade = [
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${btoa('0123456789abcdef')}`,
    ]
    for (const origin of FOREIGN) {
      const line = 'GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade'
      const answer = await rawHttp(
        broker.port,
        [line, ...upgrade, `Origin: ${origin}`, 'Connection: close', '', ''].join('\r\n'),
      )
      expect([400, 403], origin).toContain(answer.status)
    }
  })
})

describe('/hook/set-status', () => {
  const sound = () => JSON.stringify({ session_id: uuid, status: 'idle' })
  test('takes what is sound', async () => {
    expect(await status(hook(sound()))).toBe(204)
  })

  test('refuses a body above its bound, whatever its length says of it', async () => {
    for (const size of [4097, 60_000, 1 << 20, 8 << 20]) {
      // Past the server's own bound the connection may end before all of it was written.
      const answer = await hook('x'.repeat(size)).catch(() => undefined)
      if (answer !== undefined || size < 1 << 16) expect(answer!.status).toBe(413)
    }
    const chunks = new ReadableStream({
      pull: controller => controller.enqueue(new Uint8Array(10_000)),
    })
    const endless = await fetch(url('/hook/set-status'), {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
      body: chunks,
    }).catch(() => undefined)
    if (endless !== undefined) expect(endless.status).toBe(413)
    expect(await status(hook(sound()))).toBe(204)
  })

  test.each([
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '1e999',
    '{}',
    '['.repeat(4000),
    '\ufeff',
    '{"session_id":"x","status":"idle"}',
    '{"session_id":{"toString":1},"status":"idle"}',
    '{"session_id":"\' OR 1=1; --","status":"idle"}',
    '{"__proto__":{"session_id":"a","status":"idle"}}',
    '{"session_id":"00000000-0000-0000-0000-000000000000","status":"root"}',
    '{"session_id":"00000000-0000-0000-0000-000000000000","status":["idle"]}',
    '{"session_id":"00000000-0000-0000-0000-000000000000","status":"idle\\u0000"}',
  ])('refuses %s by its field', async body => {
    await expectRefusal(await hook(body), [400], 'bad-field')
  })

  test('lets nobody in without the token of that very session', async () => {
    for (const authorization of [
      '',
      'Bearer',
      'Bearer ',
      `Basic ${token}`,
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      `Bearer ${'A'.repeat(token.length)}`,
      `Bearer ${"' OR 1=1; --"}`,
      `Bearer ${'x'.repeat(10_000)}`,
      token,
    ])
      await expectRefusal(await hook(sound(), { Authorization: authorization }), [401], 'unauthenticated')
    const others = JSON.stringify({ session_id: newSession(founded.mesh.owner).uuid, status: 'dnd' })
    await expectRefusal(await hook(others), [401, 403, 404])
  })
})
