import { generateSigner, signHello, signRosterEntry } from '@claudemesh/crypto'
import { CLOSE, encodeClientFrame } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { append, attached, foundMesh, greeted, type TestBroker, testBroker } from './test-broker.ts'
import { TestClock } from './test-clock.ts'
import {
  certificateOf,
  head,
  newInvite,
  newJoin,
  newMember,
  newMesh,
  newSession,
  next,
  prekeyOf,
  randomBytes,
} from './test-member.ts'
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

const code = (frame: { type: string }) => ('code' in frame ? frame.code : frame.type)
const found = () => foundMesh(broker, clock.now())

test('a socket that says nothing, or only half, is closed when its time is up, and others are not', async () => {
  const { mesh, socket: member } = await found()
  const silent = await TestSocket.open(broker.port)
  const chatty = await TestSocket.open(broker.port)
  chatty.ws.send('{"type":"hello"')
  expect(code(await chatty.next('error'))).toBe('bad-frame')
  clock.turn(10_000)
  expect((await silent.closed).code).toBe(CLOSE.handshakeTimeout.code)
  expect((await chatty.closed).code).toBe(CLOSE.handshakeTimeout.code)
  expect(code(await member.ask({ type: 'ping', time: 0 }))).toBe('pong')
  expect(code(await (await TestSocket.open(broker.port)).hello(mesh.owner.signer, mesh.id))).toBe('welcome')
})

test('a hello replayed on another socket is refused and the socket closed', async () => {
  const { mesh } = await found()
  const first = await TestSocket.open(broker.port)
  const recorded = first.helloFrame(mesh.owner.signer, mesh.id)
  expect(code(await first.ask(recorded))).toBe('welcome')
  const thief = await TestSocket.open(broker.port)
  const answer = await thief.ask(recorded)
  expect(answer).toMatchObject({ type: 'error', code: 'unauthenticated', field: 'signature' })
  expect((await thief.closed).code).toBe(CLOSE.unauthenticated.code)
})

test('a hello signed for another broker, host, mesh or key is refused', async () => {
  const { mesh } = await found()
  const other = await found()
  const key = mesh.owner.signer
  const wrongs = [
    { brokerKey: randomBytes(32) },
    { host: `localhost:${broker.port}` },
    { mesh: other.mesh.id },
    { key: generateSigner() },
    { nonce: randomBytes(32) },
  ]
  for (const wrong of wrongs) {
    const socket = await TestSocket.open(broker.port)
    const { nonce, brokerKey } = socket.challenge
    const signature = signHello({ nonce, brokerKey, host: socket.host, mesh: mesh.id, key, ...wrong })
    const answer = await socket.ask({
      type: 'hello',
      as: 'member',
      mesh: mesh.id,
      key: key.publicKey,
      host: socket.host,
      signature,
    })
    expect(answer).toMatchObject({ code: 'unauthenticated', field: 'signature' })
  }
})

test('a host that is not one of PUBLIC_HOSTS is refused even when it is signed', async () => {
  const { mesh } = await found()
  const socket = await TestSocket.open(broker.port)
  const { nonce, brokerKey } = socket.challenge
  const host = 'elsewhere.example'
  const signature = signHello({ nonce, brokerKey, host, mesh: mesh.id, key: mesh.owner.signer })
  const answer = await socket.ask({
    type: 'hello',
    as: 'member',
    mesh: mesh.id,
    key: mesh.owner.signer.publicKey,
    host,
    signature,
  })
  expect(answer).toMatchObject({ code: 'unauthenticated', field: 'host' })
})

test('a second hello is an error and the socket lives on', async () => {
  const { mesh, socket } = await found()
  expect(await socket.hello(mesh.owner.signer, mesh.id)).toMatchObject({ type: 'error', code: 'bad-frame' })
  expect(code(await socket.ask({ type: 'ping', time: 0 }))).toBe('pong')
})

test('unknown meshes and strangers are told apart from members', async () => {
  const { mesh } = await found()
  const stranger = newMember()
  expect(code(await (await TestSocket.open(broker.port)).hello(stranger.signer, randomBytes(32)))).toBe(
    'unknown-mesh',
  )
  expect(code(await (await TestSocket.open(broker.port)).hello(stranger.signer, mesh.id))).toBe(
    'unauthenticated',
  )
})

test('before hello nothing else is served, and a socket that goes on is closed', async () => {
  const socket = await TestSocket.open(broker.port)
  expect(code(await socket.ask({ type: 'roster.get', from: 0 }))).toBe('unauthenticated')
  socket.ws.send(new Uint8Array([1, 1, 0, 1, 0, 0, 0, 7]))
  expect(await socket.next('error')).toMatchObject({ code: 'unauthenticated', ref: 7 })
  for (let i = 0; i < 10; i++) socket.ws.send('nonsense')
  expect((await socket.closed).code).toBe(CLOSE.rate.code)
})

test('without the subprotocol the socket is closed with a code that says so', async () => {
  expect((await TestSocket.raw(broker.port, ['chat']).closed).code).toBe(CLOSE.unsupported.code)
})

test('a member’s socket stays while it is heard, and is closed after 75 s of silence', async () => {
  const { mesh } = await found()
  const socket = await greeted(broker.port, mesh, mesh.owner)
  for (let i = 0; i < 3; i++) {
    clock.turn(50_000)
    expect(code(await socket.ask({ type: 'ping', time: 0 }))).toBe('pong')
  }
  clock.turn(80_000)
  expect((await socket.closed).code).toBe(CLOSE.idle.code)
})

test('a mesh is founded twice with the same entries, and not with others', async () => {
  const mesh = newMesh(broker.brokerKey, [`127.0.0.1:${broker.port}`], clock.now())
  for (let i = 0; i < 2; i++)
    expect(code(await (await TestSocket.open(broker.port)).helloCreate(mesh))).toBe('welcome')
  const foreignKey = newMesh(randomBytes(32), [`127.0.0.1:${broker.port}`], clock.now())
  expect(await (await TestSocket.open(broker.port)).helloCreate(foreignKey)).toMatchObject({
    code: 'bad-field',
    field: 'entries[1].body.key',
  })
  const foreignHost = newMesh(broker.brokerKey, ['elsewhere.example'], clock.now())
  expect(await (await TestSocket.open(broker.port)).helloCreate(foreignHost)).toMatchObject({
    code: 'bad-field',
    field: 'entries[1].body.hosts',
  })
  const forged = { ...mesh, entries: [mesh.entries[0]!, { ...mesh.entries[1]!, at: clock.now() + 1 }] }
  expect(code(await (await TestSocket.open(broker.port)).helloCreate(forged))).toBe('integrity')
  const swapped = { ...mesh, id: randomBytes(32) }
  expect(code(await (await TestSocket.open(broker.port)).helloCreate(swapped))).toBe('integrity')
})

test('an invite reads the roster, joins once, and says hello anew on the same socket', async () => {
  const { mesh, socket } = await found()
  const invite = newInvite(mesh, clock.now(), 1)
  await append(socket, mesh, invite.entry)
  const guest = await TestSocket.open(broker.port)
  expect(await guest.helloInvite(invite.code, invite.key)).toMatchObject({ type: 'welcome', rosterSeq: 3 })
  const roster = await guest.ask({ type: 'roster.get', from: 0 })
  expect(roster).toMatchObject({ type: 'roster', headSeq: 3 })
  expect(code(await guest.ask({ type: 'directory', cursor: null }))).toBe('forbidden')
  const member = newMember()
  expect(code(await guest.hello(member.signer, mesh.id))).toBe('bad-frame')
  const join = newJoin(mesh, invite, member, clock.now())
  expect(code(await guest.ask({ type: 'roster.append', entry: join, copies: null }))).toBe('appended')
  mesh.entries.push(join)
  for (const seq of [2, 3, 4]) expect((await socket.next('roster.changed')).seq).toBe(seq)
  expect(code(await guest.ask({ type: 'roster.append', entry: join, copies: null }))).toBe('forbidden')
  expect(code(await guest.hello(member.signer, mesh.id))).toBe('welcome')
  await guest.attach(mesh, newSession(member), clock.now())
  expect(code(await (await TestSocket.open(broker.port)).helloInvite(invite.code, invite.key))).toBe(
    'forbidden',
  )
})

test('an invite with the wrong key, an unknown code, or run out is refused; it appends nothing but its own join', async () => {
  const { mesh, socket } = await found()
  const invite = newInvite(mesh, clock.now())
  await append(socket, mesh, invite.entry)
  const open = () => TestSocket.open(broker.port)
  expect(code(await (await open()).helloInvite(invite.code, generateSigner()))).toBe('unauthenticated')
  expect(code(await (await open()).helloInvite(randomBytes(16), invite.key))).toBe('not-found')
  const guest = await open()
  await guest.helloInvite(invite.code, invite.key)
  const second = newInvite(mesh, clock.now())
  expect(code(await guest.ask({ type: 'roster.append', entry: second.entry, copies: null }))).toBe(
    'forbidden',
  )
  clock.turn(2 * 86_400_000)
  expect(code(await (await open()).helloInvite(invite.code, invite.key))).toBe('expired')
})

test('of two entries behind one head the second is stale and told the head that stands', async () => {
  const { mesh, socket } = await found()
  const [a, b] = [newInvite(mesh, clock.now()), newInvite(mesh, clock.now())]
  const answers = await Promise.all(
    [a, b].map(({ entry }) => socket.ask({ type: 'roster.append', entry, copies: null })),
  )
  expect(answers.map(code)).toEqual(['appended', 'stale-head'])
  expect(answers[1]).toMatchObject({ facts: { seq: 3 } })
})

test('an entry of another time, or by who may not, is refused', async () => {
  const { mesh, socket } = await found()
  for (const off of [-301_000, 301_000])
    expect(['clock', 'integrity']).toContain(
      code(
        await socket.ask({
          type: 'roster.append',
          entry: newInvite(mesh, clock.now() + off).entry,
          copies: null,
        }),
      ),
    )
  const stranger = newMember()
  const entry = signRosterEntry(
    {
      ...next(mesh, clock.now()),
      author: stranger.signer.publicKey,
      kind: 'rename',
      body: { name: randomBytes(298) },
    },
    stranger.signer,
  )
  expect(code(await socket.ask({ type: 'roster.append', entry, copies: null }))).toBe('integrity')
})

test('nobody attaches with another’s session key, certificate, prekey, presence or signature, and nobody is disturbed', async () => {
  const { mesh, join } = await found()
  const alice = await attached(broker.port, mesh, await join(), clock.now())
  const mallory = await greeted(broker.port, mesh, await join())
  const me = mesh.entries.at(-1)!.author
  const own = newSession(
    { signer: { publicKey: me, secretKey: new Uint8Array(64) }, person: { member: me, session: null } },
    clock.now(),
  )
  const stolen = alice.socket.attachFrame(mesh, alice.session, clock.now())
  const asMine = { ...stolen, recipient: { member: me, session: alice.session.signer.publicKey } }
  expect(code(await mallory.ask(stolen))).toBe('forbidden')
  expect(code(await mallory.ask(asMine))).toBe('forbidden')
  expect(
    code(
      await mallory.ask({
        ...asMine,
        certificate: { ...certificateOf(mesh, alice.session, clock.now()), member: me },
      }),
    ),
  ).toBe('bad-signature')
  expect(code(await mallory.ask({ ...stolen, recipient: own.recipient, certificate: null }))).toBe(
    'bad-field',
  )
  expect(alice.socket.unasked('replaced')).toEqual([])
  expect(code(await alice.socket.ask({ type: 'ping', time: 0 }))).toBe('pong')
})

test('each proof of an attach is checked', async () => {
  const { mesh, join } = await found()
  const member = await join()
  const session = newSession(member, clock.now())
  const socket = await greeted(broker.port, mesh, member)
  const good = socket.attachFrame(mesh, session, clock.now())
  const elsewhere = (await greeted(broker.port, mesh, member)).attachFrame(mesh, session, clock.now())
  const other = newSession(member, clock.now())
  const wrongs: [object, string][] = [
    [{ signature: elsewhere.signature }, 'bad-signature'],
    [{ signature: randomBytes(64) }, 'bad-signature'],
    [{ certificate: { ...good.certificate!, memberSignature: randomBytes(64) } }, 'bad-signature'],
    [{ certificate: { ...good.certificate!, sessionSignature: randomBytes(64) } }, 'bad-signature'],
    [{ certificate: certificateOf(mesh, other, clock.now()) }, 'forbidden'],
    [{ certificate: certificateOf(mesh, session, clock.now() - 13 * 3_600_000) }, 'expired'],
    [{ certificate: certificateOf(mesh, session, clock.now() + 3_600_000) }, 'clock'],
    [
      {
        certificate: certificateOf(
          { ...mesh, entries: [...mesh.entries.slice(0, -1), mesh.entries[1]!] },
          session,
          clock.now(),
        ),
      },
      'integrity',
    ],
    [{ prekey: prekeyOf(mesh, other.recipient, other.signer, clock.now()) }, 'forbidden'],
    [{ prekey: prekeyOf(mesh, session.recipient, other.signer, clock.now()) }, 'bad-signature'],
    [{ prekey: prekeyOf(mesh, session.recipient, session.signer, clock.now() + 3_600_000) }, 'clock'],
    [{ presence: { ...good.presence!, status: 'dnd' } }, 'bad-signature'],
  ]
  for (const [wrong, expected] of wrongs) expect(code(await socket.ask({ ...good, ...wrong }))).toBe(expected)
  expect(code(await socket.ask(good))).toBe('attached')
  expect(head(mesh)).toHaveLength(32)
})

test('another member that names the same Claude session UUID disturbs nobody', async () => {
  const { mesh, join } = await found()
  const alice = await attached(broker.port, mesh, await join(), clock.now())
  const twin = { ...newSession(await join(), clock.now()), uuid: alice.session.uuid }
  await attached(broker.port, mesh, twin.member, clock.now(), twin)
  expect(alice.socket.unasked('replaced')).toEqual([])
})

test('a prekey that goes back is refused with the one that stands', async () => {
  const { mesh, join } = await found()
  const { socket, session } = await attached(broker.port, mesh, await join(), clock.now())
  const older = prekeyOf(mesh, session.recipient, session.signer, clock.now() - 1000)
  expect(await socket.ask({ type: 'prekeys.put', prekey: older })).toMatchObject({
    code: 'counter',
    facts: { standing: { n: clock.now() } },
  })
  const newer = prekeyOf(mesh, session.recipient, session.signer, clock.now() + 1000)
  expect(code(await socket.ask({ type: 'prekeys.put', prekey: newer }))).toBe('ok')
  const { bundles } = (await socket.ask({
    type: 'prekeys.get',
    recipients: [session.recipient, newSession(newMember()).recipient],
  })) as { bundles: { prekey: { n: number } | null }[] }
  expect(bundles.map(bundle => bundle.prekey?.n ?? null)).toEqual([clock.now() + 1000, null])
  expect(code(await socket.ask(socket.attachFrame(mesh, session, clock.now() - 1000)))).toBe('counter')
})

test('every answer carries the ref of its frame, also to audit.proof and what is reserved', async () => {
  const { socket } = await found()
  expect(code(await socket.ask({ type: 'audit.proof', index: 0, size: 1 }))).toBe('bad-field')
  socket.ws.send(new Uint8Array([6, 1, 0, 1, 0, 0, 0, 9]))
  expect(await socket.next('error')).toMatchObject({ code: 'unsupported', ref: 9 })
  socket.ws.send(
    encodeClientFrame({ type: 'ping', time: 0 }).replace('ping', 'pong').replace('}', ',"ref":12}'),
  )
  expect(await socket.next('error')).toMatchObject({ code: 'bad-frame', ref: 12 })
})
