import { uuidv7 } from '@claudemesh/crypto'
import { encodeFrame } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type Attached,
  attached,
  type Founded,
  foundMesh,
  greeted,
  type TestBroker,
  testBroker,
} from './test-broker.ts'
import { newEnvelope } from './test-envelope.ts'
import { newMember, newSession, randomBytes } from './test-member.ts'

let broker: TestBroker
beforeAll(async () => {
  broker = await testBroker()
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})

let founded: Founded
let alice: Attached
let bob: Attached
beforeEach(async () => {
  founded = await foundMesh(broker)
  alice = await attached(broker.port, founded.mesh, await founded.join())
  bob = await attached(broker.port, founded.mesh, await founded.join())
})

const toBob = (more: object = {}) =>
  newEnvelope({ mesh: founded.mesh.id, from: alice.session.recipient, to: [bob.session.recipient], ...more })
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const error = (frame: { type: string }) => ('code' in frame ? frame.code : frame.type)

test('500 messages one to one arrive in order, once, byte for byte', async () => {
  const envelopes = Array.from({ length: 500 }, () => toBob())
  const answers = Promise.all(
    Array.from({ length: 50 }, (_, i) => alice.socket.send(envelopes.slice(i * 10, i * 10 + 10))),
  )
  const got = await bob.socket.receive(500)
  const results = (await answers).flatMap(answer => answer.results)
  expect(results.every(result => result.error === null && result.recipients.join() === 'queued')).toBe(true)
  expect(got.map(d => d.seq)).toEqual(results.map(result => result.seq))
  expect(got.map(d => d.seq)).toEqual(got.map(d => d.seq).toSorted((a, b) => a - b))
  for (const [i, { envelope }] of got.entries()) {
    expect(hex(envelope.header.id)).toBe(hex(envelopes[i]!.header.id))
    expect(hex(envelope.body)).toBe(hex(envelopes[i]!.body))
    expect(hex(envelope.slot)).toBe(hex(envelopes[i]!.slots[0]!))
  }
  const indexes = results.map(result => result.auditIndex)
  expect(new Set(indexes).size).toBe(500)
})

test('the same id twice is delivered once and answered alike; the same id with other content is a conflict', async () => {
  const envelope = toBob()
  const [first] = (await alice.socket.send([envelope])).results
  const [second] = (await alice.socket.send([envelope])).results
  expect(second).toMatchObject({ error: null, seq: first!.seq, auditIndex: first!.auditIndex })
  const [other] = (await alice.socket.send([{ ...envelope, body: randomBytes(512) }])).results
  expect(other).toMatchObject({ error: 'conflict', seq: 0 })
  const last = toBob()
  await alice.socket.send([last])
  const got = await bob.socket.receive(2)
  expect(got.map(d => hex(d.envelope.header.id))).toEqual([envelope, last].map(e => hex(e.header.id)))
})

test('one duplicate or broken envelope never fails its batch', async () => {
  const [a, b] = [toBob(), toBob()]
  await alice.socket.send([a])
  const late = toBob({ now: Date.now() - 6 * 60_000 })
  const elsewhere = { ...toBob(), header: { ...toBob().header, mesh: randomBytes(32) } }
  const stranger = toBob({ from: bob.session.recipient })
  const { results } = await alice.socket.send([
    a,
    late,
    { ...a, body: randomBytes(512) },
    elsewhere,
    stranger,
    b,
  ])
  expect(results.map(result => result.error)).toEqual([
    null,
    'id-time',
    'conflict',
    'unknown-mesh',
    'not-attached',
    null,
  ])
  expect((await bob.socket.receive(2)).map(d => hex(d.envelope.header.id))).toEqual(
    [a, b].map(e => hex(e.header.id)),
  )
})

test('an id whose time is off is answered with the broker’s time', async () => {
  for (const off of [-301_000, 301_000]) {
    const [result] = (await alice.socket.send([toBob({ now: Date.now() + off })])).results
    expect(result!.error).toBe('id-time')
    expect(Math.abs(result!.at - Date.now())).toBeLessThan(60_000)
  }
  expect((await alice.socket.send([toBob({ now: Date.now() - 200_000 })])).results[0]!.error).toBeNull()
})

test('an id that is no UUIDv7, or of another time than sentAt, is refused', async () => {
  const [odd, other] = (
    await alice.socket.send([
      toBob({ id: randomBytes(16).fill(0, 6, 7) }),
      toBob({ id: uuidv7(Date.now() - 1000) }),
    ])
  ).results
  expect([odd!.error, other!.error]).toEqual(['bad-field', 'bad-field'])
})

test('unknown and known recipients are named one by one; nobody known is an error', async () => {
  const ghost = newSession(newMember()).recipient
  const both = newEnvelope({
    mesh: founded.mesh.id,
    from: alice.session.recipient,
    to: [bob.session.recipient, ghost],
  })
  const { results } = await alice.socket.send([both, toBob({ to: [ghost] })])
  const expected = both.header.to.map(({ recipient }) =>
    recipient.session === ghost.session ? 'unknown' : 'queued',
  )
  expect(results[0]).toMatchObject({ error: null, recipients: expected })
  expect(results[1]).toMatchObject({ error: 'unknown-recipient', recipients: ['unknown'] })
  expect(await bob.socket.receive(1)).toHaveLength(1)
})

test('what was sent to somebody offline is there at the next attach, what was not acked comes again, what was acked does not', async () => {
  await bob.socket.close()
  const envelopes = Array.from({ length: 150 }, () => toBob())
  await alice.socket.send(envelopes)
  const again = await attached(broker.port, founded.mesh, bob.session.member, Date.now(), bob.session)
  const first = await again.socket.next('deliver')
  expect(first.deliveries.map(d => d.seq)).toHaveLength(64)
  await again.socket.ack(bob.session.recipient, again.attachment, first.deliveries[9]!.seq)
  await again.socket.close()
  const third = await attached(broker.port, founded.mesh, bob.session.member, Date.now(), bob.session)
  const rest = await third.socket.receive(140)
  expect(rest.map(d => hex(d.envelope.header.id))).toEqual(envelopes.slice(10).map(e => hex(e.header.id)))
})

test('the newest attach wins: the older is told, gets nothing more, and its ack is refused', async () => {
  await alice.socket.send([toBob()])
  const { deliveries } = await bob.socket.next('deliver')
  const newer = await attached(broker.port, founded.mesh, bob.session.member, Date.now(), bob.session)
  expect((await bob.socket.next('replaced')).attachment).toBe(bob.attachment)
  expect(newer.attachment).toBeGreaterThan(bob.attachment)
  expect(error(await bob.socket.ack(bob.session.recipient, bob.attachment, deliveries[0]!.seq))).toBe(
    'replaced',
  )
  expect(error(await bob.socket.ack(bob.session.recipient, newer.attachment, deliveries[0]!.seq))).toBe(
    'replaced',
  )
  const { results } = await bob.socket.send([
    newEnvelope({ mesh: founded.mesh.id, from: bob.session.recipient, to: [alice.session.recipient] }),
  ])
  expect(results[0]!.error).toBe('replaced')
  await alice.socket.send([toBob()])
  expect(await newer.socket.receive(2)).toHaveLength(2)
  expect(bob.socket.unasked('deliver')).toEqual([])
})

test('attaching again on the same socket renews and keeps the number', async () => {
  const { attachment, hookToken } = await bob.socket.attach(founded.mesh, bob.session, Date.now() + 1)
  expect(attachment).toBe(bob.attachment)
  expect(hookToken).toBeUndefined()
  await alice.socket.send([toBob()])
  expect(await bob.socket.receive(1)).toHaveLength(1)
})

test('an ack beyond what was delivered is bad, one for who is not attached is refused, one said twice is fine', async () => {
  const { results } = await alice.socket.send([toBob()])
  await bob.socket.next('deliver')
  const { seq } = results[0]!
  expect(error(await bob.socket.ack(bob.session.recipient, bob.attachment, seq + 1))).toBe('bad-ack')
  expect(error(await bob.socket.ack(alice.session.recipient, 1, seq))).toBe('not-attached')
  for (let i = 0; i < 2; i++)
    expect(error(await bob.socket.ack(bob.session.recipient, bob.attachment, seq))).toBe('ok')
})

test('several sessions share a socket, each with its own queue, in order', async () => {
  const socket = await greeted(broker.port, founded.mesh, bob.session.member)
  const sessions = Array.from({ length: 5 }, () => newSession(bob.session.member))
  for (const session of sessions) await socket.attach(founded.mesh, session)
  const sent = sessions.flatMap(session =>
    Array.from({ length: 20 }, () => toBob({ to: [session.recipient] })),
  )
  await alice.socket.send(sent.toSorted(() => Math.random() - 0.5))
  const got = new Map<string, number[]>()
  let count = 0
  while (count < 100) {
    const { recipient, attachment, deliveries } = await socket.next('deliver')
    const key = hex(recipient.session!)
    got.set(key, [...(got.get(key) ?? []), ...deliveries.map(d => d.seq)])
    count += deliveries.length
    await socket.ack(recipient, attachment, deliveries.at(-1)!.seq)
  }
  for (const session of sessions) {
    const seqs = got.get(hex(session.recipient.session!))!
    expect(seqs).toHaveLength(20)
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  }
})

test('one envelope to 100 recipients is one seq, and each gets its own slot', async () => {
  const socket = await greeted(broker.port, founded.mesh, bob.session.member)
  const sessions = Array.from({ length: 100 }, () => newSession(bob.session.member))
  for (const session of sessions) await socket.attach(founded.mesh, session)
  const envelope = toBob({ to: sessions.map(session => session.recipient) })
  const [result] = (await alice.socket.send([envelope])).results
  for (let i = 0; i < 100; i++) {
    const { recipient, deliveries } = await socket.next('deliver')
    expect(deliveries.map(d => d.seq)).toEqual([result!.seq])
    const place = envelope.header.to.findIndex(to => hex(to.recipient.session!) === hex(recipient.session!))
    expect(hex(deliveries[0]!.envelope.slot)).toBe(hex(envelope.slots[place]!))
  }
})

test('a reader that does not ack gets its window and no more, and disturbs nobody', async () => {
  const carol = await attached(broker.port, founded.mesh, await founded.join())
  const size = 16_384
  for (let i = 0; i < 20; i++) await alice.socket.send(Array.from({ length: 20 }, () => toBob({ size })))
  const { results } = await alice.socket.send([toBob({ to: [carol.session.recipient] })])
  expect((await carol.socket.receive(1))[0]!.seq).toBe(results[0]!.seq)
  const held = bob.socket.unasked('deliver').flatMap(frame => frame.deliveries)
  expect(held.length).toBeLessThanOrEqual(65)
  expect(await bob.socket.receive(400)).toHaveLength(400)
})

test('an envelope that is too large or lives too long fails alone', async () => {
  const { results } = await alice.socket.send([toBob({ size: 262_144 }), toBob({ ttl: 0 }), toBob()])
  expect(results.map(result => result.error)).toEqual([null, 'bad-field', null])
})

test('frames pipelined behind hello and attach wait for them and are answered in order', async () => {
  const { TestSocket } = await import('./test-socket.ts')
  const session = newSession(alice.session.member)
  const socket = await TestSocket.open(broker.port)
  const hello = socket.hello(alice.session.member.signer, founded.mesh.id)
  const attach = socket.attach(founded.mesh, session)
  socket.ws.send(encodeFrame({ type: 'send', ref: 99, envelopes: [toBob({ from: session.recipient })] }))
  const pong = socket.ask({ type: 'ping', time: 1 })
  expect(error(await hello)).toBe('welcome')
  await attach
  expect((await socket.next('accepted')).results[0]!.error).toBeNull()
  expect(error(await pong)).toBe('pong')
})
