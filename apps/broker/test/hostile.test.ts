/** Whatever comes in, the socket answers with a clear error or is closed by the rules, and nobody else notices. */
import { type ClientFrame, encodeClientFrame, encodeFrame } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Attached,
  attached,
  type Founded,
  foundMesh,
  greeted,
  type TestBroker,
  testBroker,
} from './test-broker.ts'
import { TestClock } from './test-clock.ts'
import { newEnvelope } from './test-envelope.ts'
import { newInvite, newSession, prekeyOf, presenceOf } from './test-member.ts'
import { TestSocket } from './test-socket.ts'

let broker: TestBroker
let founded: Founded
let alice: Attached
let bob: Attached
beforeAll(async () => {
  broker = await testBroker()
  founded = await foundMesh(broker)
  alice = await attached(broker.port, founded.mesh, await founded.join())
  bob = await attached(broker.port, founded.mesh, await founded.join())
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})

const envelope = () =>
  newEnvelope({ mesh: founded.mesh.id, from: alice.session.recipient, to: [bob.session.recipient] })
const code = (frame: { type: string }) => ('code' in frame ? frame.code : frame.type)

/** One sound frame of every type a member may send, as JSON. */
function frames(socket: TestSocket): Record<string, unknown>[] {
  const session = newSession(alice.session.member)
  const sound: object[] = [
    socket.attachFrame(founded.mesh, session),
    { type: 'detach', recipient: session.recipient },
    { type: 'presence', record: presenceOf(founded.mesh, session) },
    { type: 'directory', cursor: null },
    { type: 'prekeys.get', recipients: [session.recipient] },
    { type: 'prekeys.put', prekey: prekeyOf(founded.mesh, session.recipient, session.signer) },
    { type: 'roster.get', from: 0 },
    { type: 'roster.append', entry: newInvite(founded.mesh).entry, copies: null },
    { type: 'audit.proof', index: 0, size: 1 },
    { type: 'ping', time: 1 },
    socket.helloFrame(alice.session.member.signer, founded.mesh.id),
  ]
  return sound.map(frame => JSON.parse(encodeClientFrame(frame as ClientFrame)))
}

const HOSTILE: unknown[] = [
  null,
  true,
  -1,
  1.5,
  Number.MAX_VALUE,
  [],
  {},
  '',
  'x'.repeat(10_000),
  "'; DROP TABLE mesh.delivery; --",
  '\u0000\u001b[2J\u202e\ud800',
  '../../etc/passwd',
  '__proto__',
  [[[[[[]]]]]],
]

test('every frame type with every field missing, wrong, hostile or one too many gets one error that names the field', async () => {
  const socket = await greeted(broker.port, founded.mesh, alice.session.member)
  let ref = 1000
  const ask = async (frame: Record<string, unknown>) => {
    ref++
    socket.ws.send(JSON.stringify({ ...frame, ref }))
    const mine = ref
    return socket.take(answer => 'ref' in answer && answer.ref === mine)
  }
  for (const frame of frames(socket)) {
    const fields = Object.keys(frame).filter(field => field !== 'type' && field !== 'as')
    for (const field of fields) {
      const { [field]: _, ...missing } = frame
      expect(await ask(missing)).toMatchObject({ type: 'error', code: 'bad-field', field })
      for (const value of HOSTILE) {
        const answer = await ask({ ...frame, [field]: value })
        if (answer.type !== 'error' || !answer.code.startsWith('bad-f')) {
          // The few values that are sound for this field: the frame is judged by what it says.
          expect([null, [], '', ...HOSTILE.slice(9)]).toContainEqual(value)
          continue
        }
        expect(answer.field).toMatch(new RegExp(`^(${field}|type)`))
        expect(answer.message).not.toMatch(/select|insert|postgres|\/src\//i)
      }
    }
    expect(await ask({ ...frame, surplus: 1 })).toMatchObject({ type: 'error', code: 'bad-field' })
  }
  for (const type of ['welcome', 'challenge', 'sudo', '', null, 7, {}])
    expect(code(await ask({ type }))).toMatch(/^bad-f/)
  expect(code(await ask({ type: 'ping', time: 1 }))).toBe('pong')
})

test('a frame above the limit is refused by name, and the socket lives on', async () => {
  const socket = await greeted(broker.port, founded.mesh, alice.session.member)
  socket.ws.send(`{"type":"ping","ref":5,"time":1,"pad":"${'x'.repeat(1 << 20)}"}`)
  expect(await socket.next('error')).toMatchObject({ code: 'too-large', ref: 5 })
  const big = new Uint8Array((1 << 20) + 1)
  big.set([1, 1, 0, 1, 0, 0, 0, 6])
  socket.ws.send(big)
  expect(await socket.next('error')).toMatchObject({ code: 'too-large', ref: 6 })
  expect(code(await socket.ask({ type: 'ping', time: 1 }))).toBe('pong')
})

test('a nest, a duplicate key, __proto__ and torn text are frames like others', async () => {
  const socket = await greeted(broker.port, founded.mesh, alice.session.member)
  for (const text of [
    '['.repeat(500_000),
    '{"a":'.repeat(100_000),
    'null',
    '[]',
    '"hello"',
    '{',
    '{"type":"ping","__proto__":{"time":1}}',
    '\ufeff{}',
    '{"type":"ping","type":"hello"}',
  ]) {
    socket.ws.send(text)
    expect(code(await socket.next('error'))).toMatch(/^bad-f|too-large/)
  }
  expect(({} as { time?: number }).time).toBeUndefined()
  expect(code(await socket.ask({ type: 'ping', time: 1 }))).toBe('pong')
})

test('a `send` with any byte turned is refused whole, or envelope by envelope, and never disturbs the next', async () => {
  const good = encodeFrame({ type: 'send', ref: 0, envelopes: [envelope(), envelope()] })
  let answers = 0
  for (let i = 0; i < good.length; i += 1 + (i > 400 ? 97 : 2)) {
    const bad = good.slice()
    bad[i] = bad[i]! ^ (1 << (i % 8))
    new DataView(bad.buffer).setUint32(4, 50_000 + i)
    alice.socket.ws.send(bad)
    const answer = await alice.socket.take(frame => 'ref' in frame && frame.ref === 50_000 + i)
    expect(['accepted', 'error', 'ok']).toContain(answer.type)
    answers++
  }
  expect(answers).toBeGreaterThan(140)
  const { results } = await alice.socket.send([envelope()])
  expect(results[0]!.error).toBeNull()
})

test('20,000 random frames: each is answered or refused, others are undisturbed, memory stays flat', async () => {
  const socket = await greeted(broker.port, founded.mesh, alice.session.member)
  const types = ['attach', 'send', 'presence', '{"type":"ping"', '{"type":"roster.get","from":']
  const round = async (count: number) => {
    for (let i = 0; i < count; i++) {
      if (i % 2 === 0) {
        const bytes = crypto.getRandomValues(new Uint8Array(1 + Math.floor(Math.random() * 300)))
        bytes[0] = Math.floor(Math.random() * 9)
        bytes[1] = 1
        socket.ws.send(bytes)
      } else
        socket.ws.send(
          types[i % types.length]! + String.fromCharCode(...crypto.getRandomValues(new Uint16Array(20))),
        )
      if (i % 500 === 499) expect(code(await socket.ask({ type: 'ping', time: i }))).toBe('pong')
    }
  }
  await round(5000)
  Bun.gc(true)
  const before = process.memoryUsage().heapUsed
  await round(15_000)
  await alice.socket.send([envelope()])
  Bun.gc(true)
  // The test keeps every answer: count those out.
  const kept = socket.unasked('error').length
  expect(kept).toBe(20_000)
  expect(process.memoryUsage().heapUsed - before - kept * 2048).toBeLessThan(16 << 20)
  expect(code(await bob.socket.ask({ type: 'ping', time: 1 }))).toBe('pong')
})

test('large envelopes fill the window by bytes, and all of them are there at the next attach', async () => {
  const slow = await attached(broker.port, founded.mesh, bob.session.member)
  slow.socket.ws.send(
    encodeFrame({
      type: 'ack',
      ref: 1,
      acks: [{ recipient: slow.session.recipient, attachment: slow.attachment, upTo: 0 }],
    }),
  )
  expect(code(await slow.socket.take(frame => 'ref' in frame && frame.ref === 1))).toBe('ok')
  const sent = Array.from({ length: 100 }, () =>
    newEnvelope({
      mesh: founded.mesh.id,
      from: alice.session.recipient,
      to: [slow.session.recipient],
      size: 65_536,
    }),
  )
  for (let i = 0; i < 100; i += 10) await alice.socket.send(sent.slice(i, i + 10))
  const held = slow.socket.unasked('deliver').flatMap(frame => frame.deliveries)
  expect(held.length).toBeLessThanOrEqual(17)
  await slow.socket.close()
  const back = await attached(broker.port, founded.mesh, slow.session.member, Date.now(), slow.session)
  expect(await back.socket.receive(100)).toHaveLength(100)
})

test('what a stranger pipelines is bounded', async () => {
  const socket = await TestSocket.open(broker.port)
  socket.ws.send(
    encodeClientFrame({
      ...socket.helloFrame(alice.session.member.signer, founded.mesh.id),
      ref: 1,
    } as ClientFrame),
  )
  for (let i = 0; i < 200; i++) socket.ws.send(JSON.stringify({ type: 'ping', time: i }))
  const end = await Promise.race([
    socket.closed.then(closed => closed.code),
    socket.take(frame => frame.type === 'pong' && frame.time > 0).then(() => 'served'),
  ])
  expect([4006, 'served']).toContain(end)
  expect(code(await bob.socket.ask({ type: 'ping', time: 1 }))).toBe('pong')
})

test('an invite page is the same for every code, holds nothing that could send or load anything, and may not by its policy', async () => {
  const page = async (code: string) => {
    const answer = await fetch(`http://127.0.0.1:${broker.port}/i/${code}#a-secret`)
    const policy = answer.headers.get('Content-Security-Policy') ?? ''
    return { policy, cookie: answer.headers.get('Set-Cookie'), html: await answer.text() }
  }
  const { policy, cookie, html } = await page('A'.repeat(22))
  expect(await page('B'.repeat(22))).toEqual({ policy, cookie, html })
  expect(html).toContain("claudemesh join '&lt;the whole link&gt;'")
  expect(cookie).toBeNull()
  expect(html.match(/<(\w+)/g)?.map(tag => tag.slice(1))).not.toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^(script|link|img|a|form|iframe|object|embed|base|svg)$/),
    ]),
  )
  expect(html).not.toMatch(/https?:|src=|href=|\son\w+=|@import|url\(/i)
  const [, style] = /<style>(.*?)<\/style>/s.exec(html)!
  const hash = new Bun.CryptoHasher('sha256').update(style!).digest('base64')
  expect(policy.split('; ').toSorted()).toEqual(
    [
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].toSorted(),
  )
})

test('HTTP answers carry the headers, know no other Origin, and tell nothing of the inside', async () => {
  const at = `http://127.0.0.1:${broker.port}`
  for (const [path, status] of [
    ['/live', 200],
    ['/ready', 200],
    ['/health', 200],
    ['/metrics', 200],
    [`/i/${'A'.repeat(22)}`, 200],
    ['/i/nothing', 404],
    ['/no', 404],
    ['/%00', 404],
  ] as const) {
    const answer = await fetch(at + path)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect(answer.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    expect(await answer.text()).not.toMatch(/node_modules|\.ts:|postgres:\/\//)
  }
  expect((await fetch(`${at}/live`, { headers: { Origin: 'https://evil.example' } })).status).toBe(403)
  expect((await fetch(`${at}/live`, { headers: { Origin: at } })).status).toBe(200)
  expect((await fetch(`${at}/metrics`, { headers: { 'X-Forwarded-For': '10.0.0.1' } })).status).toBe(401)
  const upgrade = {
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': btoa('0123456789abcdef'),
    'Sec-WebSocket-Version': '13',
  }
  expect((await fetch(`${at}/ws`, { headers: { ...upgrade, Origin: 'https://evil.example' } })).status).toBe(
    403,
  )
  expect((await fetch(`${at}/ws`)).status).toBe(426)
  const metrics = await (await fetch(`${at}/metrics`)).text()
  for (const name of [
    'connections',
    'frames_in_total',
    'bytes_out_total',
    'batch_rows_bucket',
    'commit_seconds_bucket',
    'deliver_seconds_bucket',
    'queue_depth',
    'refusals_total{reason="bad-frame"}',
  ])
    expect(metrics).toContain(`claudemesh_${name}`)
})

test('a member that sends too much is told when to come again, and others are not', async () => {
  const small = await testBroker({
    RATE_ENVELOPES: '1',
    RATE_ENVELOPES_BURST: '5',
    RATE_FRAMES: '1',
    RATE_FRAMES_BURST: '40',
  })
  const mesh = await foundMesh(small)
  const a = await attached(small.port, mesh.mesh, mesh.mesh.owner)
  const b = await attached(small.port, mesh.mesh, await mesh.join())
  const to = () => newEnvelope({ mesh: mesh.mesh.id, from: a.session.recipient, to: [b.session.recipient] })
  const first = await a.socket.send(Array.from({ length: 5 }, to))
  expect(first.results.every(result => result.error === null)).toBe(true)
  expect((await a.socket.send([to()])).results[0]!.error).toBe('rate')
  const pings = await Promise.all(Array.from({ length: 60 }, () => a.socket.ask({ type: 'ping', time: 1 })))
  const refused = pings.find(answer => answer.type === 'error')
  expect(refused).toMatchObject({ code: 'rate' })
  expect((refused as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0)
  expect(code(await b.socket.ask({ type: 'ping', time: 1 }))).toBe('pong')
  await small.stop()
})

test('a socket that sends too fast is heard again when its bucket has room, others of its member at once', async () => {
  const clock = new TestClock()
  const small = await testBroker({ RATE_ENVELOPES: '1', RATE_ENVELOPES_BURST: '5' }, clock)
  const mesh = await foundMesh(small)
  const now = clock.now()
  const a = await attached(small.port, mesh.mesh, mesh.mesh.owner, now)
  const other = await attached(small.port, mesh.mesh, mesh.mesh.owner, now)
  const { recipient } = a.session
  const five = Array.from({ length: 5 }, () =>
    newEnvelope({ mesh: mesh.mesh.id, from: recipient, to: [recipient] }),
  )
  expect((await a.socket.send(five)).results.every(result => result.error === null)).toBe(true)
  expect((await a.socket.send([five[0]!])).results[0]!.error).toBe('rate')
  const heard: string[] = []
  const ping = (socket: TestSocket, name: string) =>
    socket.ask({ type: 'ping', time: 1 }).then(() => heard.push(name))
  const waits = ping(a.socket, 'the one that was too fast')
  await ping(other.socket, 'another')
  expect(heard).toEqual(['another'])
  clock.turn(250)
  await waits
  await small.stop()
})
