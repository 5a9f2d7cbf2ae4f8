/** Two nodes of one broker: whoever is on either cannot tell that there are two, over NATS and without it. */
import { setImmediate } from 'node:timers/promises'
import { signPresence, signRosterEntry } from '@claudemesh/crypto'
import { openDatabase } from '@claudemesh/db'
import { type BrokerFrameOf, CLOSE, toBase64url } from '@claudemesh/protocol'
import {
  freshDatabase,
  NATS_SERVER,
  type NatsServer,
  startNats,
  stopSharedPostgres,
} from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { BEAT_MS, leasesAge } from '../leases-age.ts'
import { startStuckLink } from '../stuck-link.ts'
import { append, attached, type Founded, foundMesh, greeted } from '../test-broker.ts'
import { TestClock } from '../test-clock.ts'
import { newEnvelope } from '../test-envelope.ts'
import { newSession, next, presenceOf } from '../test-member.ts'
import { backplaneIs, type Node, type Nodes, startNodes } from './nodes.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
/** Nothing is found by looking within a test's time. */
const NEVER = '60000'

let nats: NatsServer | undefined
beforeAll(async () => {
  if (NATS_SERVER !== null) nats = await startNats()
})
afterAll(async () => {
  await nats?.kill()
  await stopSharedPostgres()
})

const ways = [
  { way: 'told over NATS', settings: () => ({ NATS_URL: nats!.url, LOOK_MS: NEVER }), needsNats: true },
  { way: 'found by looking', settings: () => ({ LOOK_MS: '50' }), needsNats: false },
]

describe.each(ways)('$way', ({ settings, needsNats }) => {
  describe.skipIf(needsNats && NATS_SERVER === null)(needsNats ? 'by a real nats-server' : 'alone', () => {
    let all: Nodes
    let a: Node
    let b: Node
    let founded: Founded

    beforeAll(async () => {
      all = await startNodes(2, settings())
      ;[a, b] = all.nodes as [Node, Node]
      if (needsNats) for (const node of all.nodes) await backplaneIs(node, 'connected')
      founded = await foundMesh(a)
    })
    afterAll(() => all.stop())

    test('who joins on one node is a member on the other at once', async () => {
      const member = await founded.join()
      const socket = await greeted(b.port, founded.mesh, member)
      await socket.close()
    })

    test('mail of senders on both nodes comes in the one order of the mesh, each once', async () => {
      const alice = await attached(a.port, founded.mesh, await founded.join())
      const carol = await attached(b.port, founded.mesh, await founded.join())
      const bob = await attached(b.port, founded.mesh, await founded.join())
      const to = [bob.session.recipient]
      const send = async ({ socket, session }: typeof alice, rounds: number) => {
        const seqs: number[] = []
        for (let round = 0; round < rounds; round++) {
          const envelopes = Array.from({ length: 3 }, () =>
            newEnvelope({ mesh: founded.mesh.id, from: session.recipient, to }),
          )
          const { results } = await socket.send(envelopes)
          for (const { error, seq } of results) {
            expect(error).toBeNull()
            seqs.push(seq)
          }
        }
        return seqs
      }
      const sending = Promise.all([send(alice, 40), send(carol, 40)])
      const got = await bob.socket.receive(240)
      const sent = (await sending).flat().toSorted((x, y) => x - y)
      expect(got.map(d => d.seq)).toEqual(sent)
      expect(bob.socket.unasked('deliver')).toEqual([])
      for (const { socket } of [alice, carol, bob]) await socket.close()
    })

    test('a session that attaches on the other node takes the place of the first, and its mail goes there', async () => {
      const alice = await attached(a.port, founded.mesh, await founded.join())
      const bob = await attached(a.port, founded.mesh, await founded.join())
      const moved = await attached(b.port, founded.mesh, bob.session.member, Date.now(), bob.session)
      const replaced = await bob.socket.next('replaced')
      expect(replaced.attachment).toBeLessThan(moved.attachment)
      const mail = newEnvelope({
        mesh: founded.mesh.id,
        from: alice.session.recipient,
        to: [bob.session.recipient],
      })
      await alice.socket.send([mail])
      const [got] = await moved.socket.receive(1)
      expect(hex(got!.envelope.header.id)).toBe(hex(mail.header.id))
      expect(bob.socket.unasked('deliver')).toEqual([])
      for (const { socket } of [alice, bob, moved]) await socket.close()
    })

    test('presence: coming, a signed word, a hook, and going are seen on the other node', async () => {
      const watching = await greeted(b.port, founded.mesh, await founded.join())
      const member = await founded.join()
      const session = newSession(member)
      const of = (status: (entry: Entry) => boolean) =>
        watching.take<BrokerFrameOf<'presence'>>(
          frame =>
            frame.type === 'presence' &&
            hex(frame.entry.certificate.session) === hex(session.signer.publicKey) &&
            status(frame.entry),
        )
      const socket = await greeted(a.port, founded.mesh, member)
      const { hookToken } = await socket.attach(founded.mesh, session)
      await of(entry => entry.lease === 'online')
      const { signature: _, ...unsigned } = presenceOf(founded.mesh, session, Date.now() + 1)
      const record = signPresence({ ...unsigned, status: 'waiting' }, session.signer)
      expect(await socket.ask({ type: 'presence', record })).toMatchObject({ type: 'ok' })
      await of(entry => entry.presence?.status === 'waiting')
      // A hook may reach any node: this one does not hold the socket.
      const hook = await fetch(`http://${b.door.host}/hook/set-status`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${hookToken}` },
        body: JSON.stringify({ session_id: session.uuid, status: 'working' }),
      })
      expect(hook.status).toBe(204)
      await of(entry => entry.hook?.status === 'working')
      await socket.close()
      await of(entry => entry.lease === 'away')
      await watching.close()
    })

    test('a member removed on one node is off the other, and its mail ends with a fact that reaches the sender there', async () => {
      const alice = await attached(b.port, founded.mesh, await founded.join())
      const member = await founded.join()
      const gone = await attached(b.port, founded.mesh, member)
      await alice.socket.send([
        newEnvelope({ mesh: founded.mesh.id, from: alice.session.recipient, to: [gone.session.recipient] }),
      ])
      // Leaving: the member removes itself, on the other node.
      const entry = signRosterEntry(
        {
          ...next(founded.mesh, Date.now()),
          author: member.signer.publicKey,
          kind: 'remove',
          body: { member: member.signer.publicKey, epoch: null },
        },
        member.signer,
      )
      await append(founded.socket, founded.mesh, entry)
      expect((await gone.socket.closed).code).toBe(CLOSE.removed.code)
      await alice.socket.take(frame => frame.type === 'roster.changed' && frame.seq === entry.seq)
      const { facts } = await alice.socket.next('fact')
      expect(facts.map(({ fact }) => [fact.kind, toBase64url(fact.to.member)])).toEqual([
        ['dropped', toBase64url(member.signer.publicKey)],
      ])
      await alice.socket.close()
    })

    test('a signed head of the log is told on both nodes', async () => {
      const near = await greeted(a.port, founded.mesh, founded.mesh.owner)
      const far = await greeted(b.port, founded.mesh, founded.mesh.owner)
      const owner = await attached(a.port, founded.mesh, founded.mesh.owner)
      const [told, toldFar] = await Promise.all([near, far].map(socket => socket.next('checkpoint')))
      expect(toldFar!.note.split('\n')[0]).toBe(told!.note.split('\n')[0])
      for (const socket of [near, far, owner.socket]) await socket.close()
    })
  })
})

test('a node that stood still is taken for dead by another; it finds out, and its sessions come back', async () => {
  const clocks = [new TestClock(), new TestClock()] as const
  const all = await startNodes(2, {}, undefined, clocks)
  onTestFinished(() => all.stop())
  const [still, lives] = all.nodes as [Node, Node]
  const founded = await foundMesh(lives, clocks[1].now())
  const watching = await greeted(lives.port, founded.mesh, await founded.join())
  const bob = await attached(still.port, founded.mesh, await founded.join(), clocks[0].now())
  // Its hands do not move, and its last beat was long ago.
  await leasesAge(still.env.DATABASE_URL!, 60_000, still.env.NODE_NAME!)
  clocks[1].turn(BEAT_MS)
  const away = await watching.take<BrokerFrameOf<'presence'>>(
    frame => frame.type === 'presence' && frame.entry.lease === 'away',
  )
  expect(hex(away.entry.certificate.session)).toBe(hex(bob.session.signer.publicKey))
  await untilForgotten(still)
  clocks[0].turn(BEAT_MS)
  expect((await bob.socket.closed).code).toBe(CLOSE.goingAway.code)
  const back = await attached(still.port, founded.mesh, bob.session.member, clocks[0].now(), bob.session)
  await founded.socket.close()
  const { entries } = (await watching.ask({ type: 'directory', cursor: null })) as BrokerFrameOf<'directory'>
  expect(entries.map(entry => entry.lease)).toEqual(['online'])
  for (const socket of [watching, back.socket]) await socket.close()
}, 180_000)

/** Nodes of which the first reaches its database by a link that can be stopped, and goes by `clock`. */
async function startLinked(count: number, clock: TestClock) {
  const { url, drop } = await freshDatabase()
  const link = await startStuckLink(0, Number(new URL(url).port))
  await drop()
  const byLink = ({ DATABASE_URL }: Record<string, string>) => {
    const at = new URL(DATABASE_URL!)
    at.port = String(link.port)
    return { DATABASE_URL: at.href, LOOK_MS: '1000', SILENCE_MS: '600000' }
  }
  onTestFinished(() => link.close())
  const all = await startNodes(count, {}, (place, shared) => (place === 0 ? byLink(shared) : {}), [clock])
  onTestFinished(() => all.stop())
  return { all, link }
}

/** What one beat does begins in a later turn of the event loop. */
async function beat(clock: TestClock): Promise<void> {
  clock.turn(BEAT_MS)
  await setImmediate()
}

test('a node that its database does not hear for 50 s sends its sessions to the others, and takes them again', async () => {
  const clock = new TestClock()
  const { all, link } = await startLinked(2, clock)
  const [cut, lives] = all.nodes as [Node, Node]
  const founded = await foundMesh(cut, clock.now())
  const bob = await attached(cut.port, founded.mesh, await founded.join(), clock.now())
  const carol = await attached(lives.port, founded.mesh, await founded.join())
  clock.turn(1000)
  // Seen by looking: it knows that it is not alone.
  await bob.socket.take(
    frame =>
      frame.type === 'presence' &&
      hex(frame.entry.certificate.session) === hex(carol.session.signer.publicKey),
  )
  link.stop()
  for (let count = 0; count < 3; count++) await beat(clock)
  expect(bob.socket.ws.readyState).toBe(WebSocket.OPEN)
  await beat(clock)
  expect((await bob.socket.closed).code).toBe(CLOSE.goingAway.code)
  expect((await fetch(`http://${cut.door.host}/ws`)).status).toBe(503)
  const elsewhere = await attached(lives.port, founded.mesh, bob.session.member, Date.now(), bob.session)
  const mail = newEnvelope({
    mesh: founded.mesh.id,
    from: carol.session.recipient,
    to: [bob.session.recipient],
  })
  await carol.socket.send([mail])
  const [got] = await elsewhere.socket.receive(1)
  expect(got!.envelope.header.id).toEqual(mail.header.id)
  link.go()
  do await beat(clock)
  while ((await fetch(`http://${cut.door.host}/ws`)).status === 503)
  await (await greeted(cut.port, founded.mesh, bob.session.member)).close()
  for (const { socket } of [carol, elsewhere, founded]) await socket.close()
}, 60_000)

test('a node that is alone keeps its sessions however long its database does not hear it', async () => {
  const clock = new TestClock()
  const { all, link } = await startLinked(1, clock)
  const [alone] = all.nodes as [Node]
  const founded = await foundMesh(alone, clock.now())
  const bob = await attached(alone.port, founded.mesh, await founded.join(), clock.now())
  link.stop()
  for (let count = 0; count < 8; count++) await beat(clock)
  expect((await fetch(`http://${alone.door.host}/ws`)).status).toBe(426)
  expect(bob.socket.ws.readyState).toBe(WebSocket.OPEN)
  link.go()
  for (const { socket } of [bob, founded]) await socket.close()
}, 60_000)

/** The other looks before it sweeps: who is told of as away is not yet ended in the database. */
async function untilForgotten({ env }: Node): Promise<void> {
  const db = await openDatabase({ url: env.DATABASE_URL!, max: 1 })
  for (;;) {
    const held = await db.sql`select from mesh.node where starts_with(name, ${env.NODE_NAME!})`
    if (held.length === 0) return db.close()
  }
}

type Entry = BrokerFrameOf<'presence'>['entry']
