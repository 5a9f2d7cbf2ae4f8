import { signRosterEntry, verifyFact } from '@claudemesh/crypto'
import { type BrokerFrame, CLOSE, type DirectoryEntry } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { BEAT_MS, leasesAge } from './leases-age.ts'
import {
  type Attached,
  append,
  attached,
  type Founded,
  foundMesh,
  greeted,
  type TestBroker,
  testBroker,
} from './test-broker.ts'
import { TestClock } from './test-clock.ts'
import { newEnvelope } from './test-envelope.ts'
import { newSession, next, presenceOf } from './test-member.ts'
import { TestSocket } from './test-socket.ts'

const clock = new TestClock()
let broker: TestBroker
beforeAll(async () => {
  broker = await testBroker({}, clock)
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})

let founded: Founded
let alice: Attached
let bob: Attached
beforeEach(async () => {
  founded = await foundMesh(broker, clock.now())
  alice = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
  bob = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
})

const toBob = (more: object = {}) =>
  newEnvelope({
    mesh: founded.mesh.id,
    from: alice.session.recipient,
    to: [bob.session.recipient],
    now: clock.now(),
    ...more,
  })
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const code = (frame: { type: string }) => ('code' in frame ? frame.code : frame.type)
const again = (who: Attached) =>
  attached(broker.port, founded.mesh, who.session.member, clock.now(), who.session)
const presenceOfBob = (lease: DirectoryEntry['lease']) =>
  alice.socket.take<{ type: 'presence'; entry: DirectoryEntry }>(
    frame =>
      frame.type === 'presence' &&
      frame.entry.lease === lease &&
      hex(frame.entry.certificate.session) === hex(bob.session.signer.publicKey),
  )

test('what is not acked is sent again by itself after 30 s, then after 60 s, oldest first, and not once it is acked', async () => {
  const { results } = await alice.socket.send([toBob(), toBob(), toBob()])
  const seqs = results.map(result => result.seq)
  const deliver = async () => (await bob.socket.next('deliver')).deliveries.map(d => d.seq)
  expect(await deliver()).toEqual(seqs)
  clock.turn(29_000)
  expect(code(await bob.socket.ask({ type: 'ping', time: 0 }))).toBe('pong')
  expect(bob.socket.unasked('deliver')).toEqual([])
  clock.turn(1_000)
  expect(await deliver()).toEqual(seqs)
  await bob.socket.ask({ type: 'ping', time: 0 })
  clock.turn(31_000)
  expect(code(await bob.socket.ask({ type: 'ping', time: 0 }))).toBe('pong')
  expect(bob.socket.unasked('deliver')).toEqual([])
  clock.turn(30_000)
  expect(await deliver()).toEqual(seqs)
  await bob.socket.ack(bob.session.recipient, bob.attachment, seqs[2]!)
  clock.turn(40_000)
  await bob.socket.ask({ type: 'ping', time: 0 })
  expect(bob.socket.unasked('deliver')).toEqual([])
})

test('what ran out becomes a fact, signed by the broker, in the sender’s own queue; the recipient never gets it', async () => {
  await bob.socket.close()
  const [short, long] = [toBob({ ttl: 60_000 }), toBob({ ttl: 3_600_000 })]
  await alice.socket.send([short, long])
  clock.turn(61_000)
  const { facts, recipient, attachment } = await alice.socket.next('fact')
  expect(facts).toHaveLength(1)
  const { fact, seq } = facts[0]!
  verifyFact(fact, broker.brokerKey)
  expect(fact).toMatchObject({ kind: 'expired', why: 'ttl' })
  expect(hex(fact.id)).toBe(hex(short.header.id))
  expect(hex(fact.to.session!)).toBe(hex(bob.session.signer.publicKey))
  expect(code(await alice.socket.ack(recipient, attachment, seq))).toBe('ok')
  const back = await again(bob)
  expect((await back.socket.receive(1)).map(d => hex(d.envelope.header.id))).toEqual([hex(long.header.id)])
})

test('a fact waits for a sender that is away, and keeps its place among the mail', async () => {
  await bob.socket.close()
  await alice.socket.send([toBob({ ttl: 60_000 })])
  await alice.socket.close()
  clock.turn(61_000)
  bob = await again(bob)
  await bob.socket.send([
    newEnvelope({
      mesh: founded.mesh.id,
      from: bob.session.recipient,
      to: [alice.session.recipient],
      now: clock.now(),
    }),
  ])
  alice = await again(alice)
  const first = await alice.socket.take(frame => frame.type === 'fact' || frame.type === 'deliver')
  expect(first.type).toBe('fact')
  expect((await alice.socket.next('deliver')).deliveries).toHaveLength(1)
})

test('what was handed out on a live attachment does not expire', async () => {
  await alice.socket.send([toBob({ ttl: 60_000 })])
  const { deliveries } = await bob.socket.next('deliver')
  clock.turn(61_000)
  expect(code(await bob.socket.ack(bob.session.recipient, bob.attachment, deliveries[0]!.seq))).toBe('ok')
  expect(alice.socket.unasked('fact')).toEqual([])
})

test('a removal closes the member’s sockets, drops mail from and to it with facts, and it never comes back', async () => {
  const carol = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
  await bob.socket.close()
  await alice.socket.send([toBob()])
  const gone = await again(bob)
  await gone.socket.next('deliver')
  await carol.socket.close()
  const fromBob = newEnvelope({
    mesh: founded.mesh.id,
    from: bob.session.recipient,
    to: [carol.session.recipient],
    now: clock.now(),
  })
  await gone.socket.send([fromBob])
  // Leaving: the member removes itself, with no next epoch.
  const { signer } = bob.session.member
  const leave = signRosterEntry(
    {
      ...next(founded.mesh, clock.now()),
      author: signer.publicKey,
      kind: 'remove',
      body: { member: signer.publicKey, epoch: null },
    },
    signer,
  )
  await append(founded.socket, founded.mesh, leave)
  expect((await gone.socket.closed).code).toBe(CLOSE.removed.code)
  const { facts } = await alice.socket.next('fact')
  verifyFact(facts[0]!.fact, broker.brokerKey)
  expect(facts[0]!.fact).toMatchObject({ kind: 'dropped', why: 'removed' })
  const { results } = await alice.socket.send([
    toBob(),
    toBob({ to: [bob.session.recipient, alice.session.recipient] }),
  ])
  expect(results[0]).toMatchObject({ error: 'unknown-recipient', recipients: ['removed'] })
  expect(results[1]!.recipients.toSorted()).toEqual(['queued', 'removed'])
  const refused = await TestSocket.open(broker.port)
  expect(code(await refused.hello(signer, founded.mesh.id))).toBe('removed')
  expect((await refused.closed).code).toBe(CLOSE.removed.code)
  const back = await again(carol)
  await alice.socket.send([toBob({ to: [carol.session.recipient] })])
  const [only] = await back.socket.receive(1)
  expect(hex(only!.envelope.header.from.session!)).toBe(hex(alice.session.signer.publicKey))
})

test('a lost socket shows as away, then offline; who comes back in time never left', async () => {
  await bob.socket.close()
  await presenceOfBob('away')
  await leasesAge(broker.databaseUrl, 80_000)
  clock.turn(BEAT_MS)
  bob = await again(bob)
  await presenceOfBob('online')
  await bob.socket.close()
  await presenceOfBob('away')
  await leasesAge(broker.databaseUrl, 95_000)
  clock.turn(BEAT_MS)
  await presenceOfBob('offline')
})

test('a new status is told to the mesh, and a lower counter is refused with the record that stands', async () => {
  await presenceOfBob('online')
  const record = presenceOf(founded.mesh, bob.session, clock.now() + 10)
  expect(code(await bob.socket.ask({ type: 'presence', record }))).toBe('ok')
  const { entry } = await presenceOfBob('online')
  expect(entry.presence!.counter).toBe(clock.now() + 10)
  const older = presenceOf(founded.mesh, bob.session, clock.now() + 5)
  expect(await bob.socket.ask({ type: 'presence', record: older })).toMatchObject({
    code: 'counter',
    facts: { standing: { counter: clock.now() + 10 } },
  })
  expect(
    code(
      await alice.socket.ask({
        type: 'presence',
        record: presenceOf(founded.mesh, bob.session, clock.now() + 20),
      }),
    ),
  ).toBe('not-attached')
})

test('detach ends the attachment; the mail waits', async () => {
  expect(code(await bob.socket.ask({ type: 'detach', recipient: bob.session.recipient }))).toBe('ok')
  await presenceOfBob('away')
  await alice.socket.send([toBob()])
  expect(code(await bob.socket.ask({ type: 'detach', recipient: bob.session.recipient }))).toBe(
    'not-attached',
  )
  await bob.socket.attach(founded.mesh, bob.session, clock.now())
  expect(await bob.socket.receive(1)).toHaveLength(1)
})

test('the directory lists every session page by page, once', async () => {
  const member = await founded.join()
  const socket = await greeted(broker.port, founded.mesh, member)
  const sessions = Array.from({ length: 60 }, () => newSession(member, clock.now()))
  for (const session of sessions) await socket.attach(founded.mesh, session, clock.now())
  const seen: string[] = []
  let cursor: string | null = null
  do {
    const page: BrokerFrame = await socket.ask({ type: 'directory', cursor })
    if (page.type !== 'directory') throw new Error(page.type)
    seen.push(...page.entries.map(entry => hex(entry.certificate.session)))
    cursor = page.cursor
  } while (cursor !== null)
  expect(seen).toHaveLength(62)
  expect(new Set(seen)).toHaveLength(62)
  expect(code(await socket.ask({ type: 'directory', cursor: "'; drop table mesh.delivery; --" }))).toBe(
    'bad-field',
  )
})

test('a hook token sets the status of its own session only, and hears why not', async () => {
  const { hookToken } = await bob.socket.attach(
    founded.mesh,
    newSession(bob.session.member, clock.now()),
    clock.now(),
  )
  const session = newSession(bob.session.member, clock.now())
  const mine = await bob.socket.attach(founded.mesh, session, clock.now())
  const post = (token: string | undefined, body: unknown, raw?: string) =>
    fetch(`http://127.0.0.1:${broker.port}/hook/set-status`, {
      method: 'POST',
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      body: raw ?? JSON.stringify(body),
    })
  const good = { session_id: session.uuid, status: 'working', cwd: '/home/secret', pid: 1 }
  expect((await post(mine.hookToken, good)).status).toBe(204)
  const shown = await alice.socket.take<{ type: 'presence'; entry: DirectoryEntry }>(
    frame => frame.type === 'presence' && frame.entry.hook !== null,
  )
  expect(shown.entry.hook).toEqual({ status: 'working', at: clock.now() })
  expect((await post(undefined, good)).status).toBe(401)
  expect((await post('A'.repeat(43), good)).status).toBe(401)
  expect((await post(hookToken, good)).status).toBe(404)
  expect((await post(mine.hookToken, { ...good, status: 'sleepy' })).status).toBe(400)
  expect((await post(mine.hookToken, { ...good, session_id: "'; drop table x" })).status).toBe(400)
  expect((await post(mine.hookToken, null, '{')).status).toBe(400)
  expect((await post(mine.hookToken, null, 'x'.repeat(5000))).status).toBe(413)
  const statuses = await Promise.all(
    Array.from({ length: 120 }, () => post(mine.hookToken, good).then(answer => answer.status)),
  )
  expect(statuses).toContain(429)
})

test("a hook's status is shown while it is fresh, then what the session signed", async () => {
  const session = newSession(bob.session.member, clock.now())
  const { hookToken } = await bob.socket.attach(founded.mesh, session, clock.now())
  const seen = async (what: (entry: DirectoryEntry) => boolean) => {
    const { entry } = await alice.socket.take<{ type: 'presence'; entry: DirectoryEntry }>(
      frame =>
        frame.type === 'presence' &&
        hex(frame.entry.certificate.session) === hex(session.signer.publicKey) &&
        what(frame.entry),
    )
    return entry
  }
  clock.turn(1000)
  const answer = await fetch(`http://127.0.0.1:${broker.port}/hook/set-status`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${hookToken}` },
    body: JSON.stringify({ session_id: session.uuid, status: 'waiting' }),
  })
  expect(answer.status).toBe(204)
  const told = await seen(entry => entry.hook !== null)
  expect(told.hook).toEqual({ status: 'waiting', at: clock.now() })
  clock.turn(30_001)
  expect((await seen(entry => entry.hook === null)).presence).toEqual(told.presence)
})
