/** Every field at every depth of every JSON frame: missing, of another type, too large, hostile, one too many, twice. */
import { encodeClientFrame, LIMITS } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Attached,
  append,
  attached,
  type Founded,
  foundMesh,
  greeted,
  type TestBroker,
  testBroker,
} from '../test-broker.ts'
import { newEnvelope } from '../test-envelope.ts'
import { newInvite, newSession, prekeyOf, presenceOf, type TestMember } from '../test-member.ts'
import type { Frame, TestSocket } from '../test-socket.ts'
import { clientFrames } from './client-frames.ts'
import { changed, type Json, type Place, placeName, placesOf, valueAt } from './json-places.ts'

let broker: TestBroker
let founded: Founded
let alice: Attached
let bob: Attached
let mallory: TestMember
beforeAll(async () => {
  broker = await testBroker()
  founded = await foundMesh(broker)
  alice = await attached(broker.port, founded.mesh, await founded.join())
  bob = await attached(broker.port, founded.mesh, await founded.join())
  mallory = await founded.join()
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})

const HOSTILE: Json[] = [
  null,
  true,
  -1,
  1.5,
  Number.MAX_VALUE,
  [],
  {},
  '',
  'x'.repeat(30_000),
  "'; DROP TABLE mesh.delivery; --",
  '\u0000\u001b[2J\u202e\ud800',
  '../../etc/passwd',
  '__proto__',
  [[[[[[]]]]]],
]
/** What a place takes beside what stands there: then the frame is judged by what it says. */
const TAKES: [RegExp, (value: Json) => boolean][] = [
  [
    /^(certificate|presence|copies|cursor|entry\.body\.(log|epoch)|.*\.session|session)$/,
    value => value === null,
  ],
  [
    /^(cursor|token|checkpoint|entr(y|ies\[\d\])\.body\.log\.(old|now)|entries\[\d\]\.body\.log)$/,
    value => value === null || typeof value === 'string',
  ],
  [/^copies$/, value => Array.isArray(value) && value.length === 0],
  // Sixteen random bytes are a string like others, and none of these is base64url of any length but zero.
  [/^(cursor)$/, value => value === ''],
]
const mayTake = (place: Place, value: Json | undefined) =>
  value === undefined
    ? /^(token|certificate|copies\[0\])$/.test(placeName(place))
    : TAKES.some(([name, takes]) => name.test(placeName(place)) && takes(value))

const codeOf = (frame: Frame) => ('code' in frame ? frame.code : frame.type)
let lastRef = 1_000_000
/** Sends any JSON with a ref of its own and answers its one answer. */
function ask(socket: TestSocket, frame: Json): Promise<Frame> {
  const ref = ++lastRef
  socket.ws.send(JSON.stringify({ ...(frame as object), ref }))
  return socket.take(answer => 'ref' in answer && answer.ref === ref)
}

describe('every field at every depth', () => {
  test('is needed, and takes nothing of another type, form or size: the error names it', async () => {
    const socket = await greeted(broker.port, founded.mesh, mallory)
    const session = newSession(mallory)
    const frames = clientFrames({ socket, mesh: founded.mesh, member: mallory, session })
    const before = founded.mesh.entries.length
    let asked = 0
    for (const [name, frame] of Object.entries(frames)) {
      const sound = JSON.parse(encodeClientFrame(frame)) as Json
      for (const place of placesOf(sound)) {
        if (placeName(place) === 'type') continue
        for (const value of [undefined, ...HOSTILE]) {
          if (JSON.stringify(value) === JSON.stringify(valueAt(sound, place))) continue
          const answer = await ask(socket, changed(sound, place, value))
          asked++
          const what = `${name}: ${placeName(place)} = ${JSON.stringify(value)?.slice(0, 40)}`
          const code = codeOf(answer)
          expect(code, what).not.toBe('internal')
          if (mayTake(place, value)) continue
          if (answer.type !== 'error') throw new Error(`${what} is ${code}`)
          expect(code, what).toMatch(/^bad-f/)
          const named = placeName(place)
          const { field = '' } = answer
          // A list without its one element is named itself; a kind of another shape is named by what it lacks.
          const near =
            field === named || field.startsWith(named) || named.startsWith(field) || named.endsWith('.kind')
          expect(
            near && (field !== '' || named === 'as' || code === 'bad-frame'),
            `${what} names ${field}`,
          ).toBe(true)
          expect(answer.message, what).not.toMatch(/select|insert|postgres|\/src\/|node_modules/i)
        }
      }
      for (const place of [[], ...placesOf(sound)]) {
        const inner = valueAt(sound, place)
        if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) continue
        for (const surplus of ['surplus', '__proto__', 'constructor', 'toJSON']) {
          const answer = await ask(socket, changed(sound, [...place, surplus], 1))
          expect(codeOf(answer), `${name}: ${placeName([...place, surplus])}`).toMatch(/^bad-f/)
        }
      }
    }
    expect(asked).toBeGreaterThan(2000)
    expect(codeOf(await ask(socket, { type: 'ping', time: 1 }))).toBe('pong')
    expect(await alice.socket.ask({ type: 'roster.get', from: 0 })).toMatchObject({ headSeq: before - 1 })
  })

  test('holds at most its size, to the byte', async () => {
    const socket = await greeted(broker.port, founded.mesh, mallory)
    const session = newSession(mallory)
    const { recipient } = session
    const plain = (frame: object) => JSON.parse(encodeClientFrame(frame as never)) as Record<string, Json>
    const some = plain({ type: 'prekeys.get', recipients: [recipient] }).recipients as Json[]
    const many = (count: number) => ({ type: 'prekeys.get', recipients: Array<Json>(count).fill(some[0]!) })
    expect(codeOf(await ask(socket, many(LIMITS.prekeysPerRequest)))).toBe('prekeys')
    expect(await ask(socket, many(LIMITS.prekeysPerRequest + 1))).toMatchObject({
      code: 'bad-field',
      field: 'recipients',
    })
    expect(codeOf(await ask(socket, { type: 'directory', cursor: 'A'.repeat(256) }))).toBe('directory')
    expect(await ask(socket, { type: 'directory', cursor: 'A'.repeat(257) })).toMatchObject({
      field: 'cursor',
    })
    const presence = plain({ type: 'presence', record: presenceOf(founded.mesh, session) })
    const profile = (bytes: number) =>
      changed(presence, ['record', 'profile'], Buffer.alloc(bytes).toString('base64url'))
    const most = LIMITS.profileBytes + 64
    expect(codeOf(await ask(socket, profile(most)))).toBe('not-attached')
    for (const bytes of [0, 39, most + 1, 500_000])
      expect(await ask(socket, profile(bytes))).toMatchObject({ code: 'bad-field', field: 'record.profile' })
    const invite = plain({ type: 'roster.append', entry: newInvite(founded.mesh).entry, copies: null })
    const copy = { to: 'A'.repeat(43), copy: 'A'.repeat(1600) }
    expect(
      await ask(socket, changed(invite, ['copies'], Array<Json>(10_001).fill({ ...copy, copy: '' }))),
    ).toMatchObject({
      code: 'bad-field',
    })
    expect(codeOf(await ask(socket, changed(invite, ['copies'], Array<Json>(1000).fill(copy))))).toBe(
      'too-large',
    )
    expect(codeOf(await ask(socket, { type: 'ping', time: 1 }))).toBe('pong')
  })
})

describe('what is said twice', () => {
  test('a key twice in one frame: the last one counts, as in every JSON parser, and none gets past the check', async () => {
    const socket = await greeted(broker.port, founded.mesh, mallory)
    const say = (text: string) => {
      socket.ws.send(text)
      return socket.take(answer => 'ref' in answer && answer.ref === 77)
    }
    expect(await say('{"type":"ping","time":1,"ref":77,"time":2}')).toMatchObject({
      type: 'pong',
      time: expect.any(Number),
    })
    expect(await say('{"type":"ping","time":1,"ref":77,"time":-1}')).toMatchObject({
      code: 'bad-field',
      field: 'time',
    })
    expect(await say('{"type":"roster.get","from":0,"ref":77,"type":"sudo"}')).toMatchObject({
      code: 'bad-frame',
      field: 'type',
    })
    expect(await say('{"type":"ping","ref":5,"time":1,"ref":77}')).toMatchObject({ type: 'pong' })
  })

  test('a frame twice is answered twice and done once', async () => {
    const socket = await greeted(broker.port, founded.mesh, mallory)
    const session = newSession(mallory)
    const attach = socket.attachFrame(founded.mesh, session)
    const first = await socket.ask(attach)
    const again = await socket.ask(attach)
    expect(first).toMatchObject({ type: 'attached' })
    expect(again).toMatchObject({ attachment: (first as { attachment: number }).attachment })
    const prekey = prekeyOf(founded.mesh, session.recipient, session.signer, Date.now() + 5)
    const record = presenceOf(founded.mesh, session, Date.now() + 5)
    for (const frame of [
      { type: 'prekeys.put', prekey },
      { type: 'presence', record },
    ] as const)
      for (let i = 0; i < 2; i++) expect(['ok', 'counter']).toContain(codeOf(await socket.ask(frame)))
    const twins = await Promise.all(
      [1, 2, 3].map(() => socket.ask({ type: 'detach', recipient: session.recipient })),
    )
    expect(codeOf(twins[0]!)).toBe('ok')
    for (const twin of twins.slice(1)) expect(['ok', 'not-attached']).toContain(codeOf(twin))
    const entry = newInvite(founded.mesh).entry
    await append(founded.socket, founded.mesh, entry)
    const repeated = await founded.socket.ask({ type: 'roster.append', entry, copies: null })
    expect(['appended', 'stale-head']).toContain(codeOf(repeated))
    expect(await alice.socket.ask({ type: 'roster.get', from: 0 })).toMatchObject({
      headSeq: founded.mesh.entries.length - 1,
    })
  })

  test('a ref twice at once: both frames are answered, in order', async () => {
    const socket = await greeted(broker.port, founded.mesh, mallory)
    socket.ws.send('{"type":"roster.get","from":0,"ref":9}')
    socket.ws.send('{"type":"ping","time":3,"ref":9}')
    const mine = (frame: Frame) => 'ref' in frame && frame.ref === 9
    expect([await socket.take(mine), await socket.take(mine)].map(codeOf)).toEqual(['roster', 'pong'])
  })

  test('a recipient twice in one question is answered at both places', async () => {
    const socket = await greeted(broker.port, founded.mesh, mallory)
    const { recipient } = alice.session
    const answer = await socket.ask({ type: 'prekeys.get', recipients: [recipient, recipient] })
    expect(answer).toMatchObject({
      type: 'prekeys',
      bundles: [{ prekey: { n: expect.any(Number) } }, { prekey: { n: expect.any(Number) } }],
    })
  })
})

test('after all of it mail goes as before', async () => {
  const to = () =>
    newEnvelope({ mesh: founded.mesh.id, from: alice.session.recipient, to: [bob.session.recipient] })
  const { results } = await alice.socket.send([to(), to()])
  expect((await bob.socket.receive(2)).map(({ seq }) => seq)).toEqual(results.map(({ seq }) => seq))
})
