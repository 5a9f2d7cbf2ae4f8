/** NATS away at the start, there, killed, back, and full of strangers: what it says of itself changes, what is delivered does not. */
import { randomUUID } from 'node:crypto'
import { fromBase64url } from '@claudemesh/protocol'
import {
  NATS_SERVER,
  type NatsServer,
  startBalancer,
  startNats,
  stopSharedPostgres,
} from '@claudemesh/testkit'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { natsServers } from '../../src/backplane/nats.ts'
import type { News } from '../../src/backplane/news.ts'
import { newsCodec } from '../../src/backplane/news-codec.ts'
import { attached, foundMesh, greeted } from '../test-broker.ts'
import { newEnvelope } from '../test-envelope.ts'
import { randomBytes } from '../test-member.ts'
import { backplaneIs, clusterOf, metric, type Node, type Nodes, startNodes } from './nodes.ts'

let nats: NatsServer
beforeAll(async () => {
  if (NATS_SERVER !== null) nats = await startNats()
})
afterAll(async () => {
  await nats?.kill()
  await stopSharedPostgres()
})

describe.skipIf(NATS_SERVER === null)('by a real nats-server', () => {
  let all: Nodes
  let a: Node
  let b: Node
  afterAll(() => all.stop())

  test('away at the start, there, killed, back: /ready and metrics say so, and mail between nodes comes all the same', async () => {
    await nats.kill()
    all = await startNodes(2, { NATS_URL: nats.url, LOOK_MS: '100' })
    ;[a, b] = all.nodes as [Node, Node]
    const founded = await foundMesh(a)
    const alice = await attached(a.port, founded.mesh, await founded.join())
    const bob = await attached(b.port, founded.mesh, await founded.join())
    const sends = async () => {
      const mail = newEnvelope({
        mesh: founded.mesh.id,
        from: alice.session.recipient,
        to: [bob.session.recipient],
      })
      await alice.socket.send([mail])
      const [got] = await bob.socket.receive(1)
      expect(got!.envelope.header.id).toEqual(mail.header.id)
    }
    for (const state of ['disconnected', 'connected', 'disconnected', 'connected']) {
      for (const node of all.nodes) {
        await backplaneIs(node, state)
        expect((await fetch(`http://${node.door.host}/ready`)).status).toBe(200)
        const up = await metric(node, 'claudemesh_backplane_connected')
        expect(up).toBe(state === 'connected' ? 1 : 0)
      }
      await sends()
      await (state === 'connected' ? nats.kill() : nats.start())
    }
    await nats.start()
    for (const { socket } of [alice, bob]) await socket.close()
  })

  test('a node that comes to NATS late says so, and the others look for what it told nobody', async () => {
    const way = await startBalancer()
    const late = await startNodes(2, { LOOK_MS: '60000' }, i => ({
      NATS_URL: i === 0 ? `nats://${way.host}` : nats.url,
    }))
    const [mute, hears] = late.nodes as [Node, Node]
    await backplaneIs(hears, 'connected')
    await backplaneIs(mute, 'disconnected')
    const founded = await foundMesh(hears)
    const bob = await attached(hears.port, founded.mesh, await founded.join())
    const alice = await attached(mute.port, founded.mesh, await founded.join())
    const mail = newEnvelope({
      mesh: founded.mesh.id,
      from: alice.session.recipient,
      to: [bob.session.recipient],
    })
    await alice.socket.send([mail])
    way.route(Number(new URL(nats.url).port))
    const [got] = await bob.socket.receive(1)
    expect(got!.envelope.header.id).toEqual(mail.header.id)
    for (const { socket } of [alice, bob]) await socket.close()
    await late.stop()
    await way.close()
  })

  test('what strangers write where the nodes meet is counted and dropped, and who has no key does not find the place', async () => {
    for (const node of all.nodes) await backplaneIs(node, 'connected')
    const seed = fromBase64url(a.env.BROKER_KEY!)!
    const cluster = await clusterOf(a.env.DATABASE_URL!)
    const ours = newsCodec(seed, cluster)
    const news: News = { mesh: randomBytes(32), roster: 1 }
    const wrong = [
      newsCodec(randomBytes(32), cluster).encode(news),
      newsCodec(seed, randomUUID()).encode(news),
      randomBytes(64),
      new Uint8Array(),
      randomBytes(200_000),
      ours.encode(news).subarray(0, 40),
    ]
    const subjects = [newsCodec(randomBytes(32), cluster), newsCodec(seed, randomUUID())].map(
      codec => codec.subject,
    )
    expect(subjects).not.toContain(ours.subject)
    const before = await metric(b, 'claudemesh_news_refused_total')
    const stranger = await connect(natsServers(nats.url))
    for (const message of wrong) stranger.publish(ours.subject, message)
    // Of a mesh that nobody here has, and well made: taken, and nothing comes of it.
    const taken = await metric(b, 'claudemesh_news_in_total')
    stranger.publish(ours.subject, ours.encode(news))
    await stranger.flush()
    while ((await metric(b, 'claudemesh_news_in_total')) === taken);
    expect((await metric(b, 'claudemesh_news_refused_total')) - before).toBe(wrong.length)
    await stranger.close()
    const founded = await foundMesh(b)
    await (await greeted(a.port, founded.mesh, founded.mesh.owner)).close()
  })
})

test('a NATS_URL that is none is refused without being quoted', () => {
  for (const value of ['http://x:1', 'nats://', 'nats://a:1,redis://secret@b:2', 'secret']) {
    expect(() => natsServers(value)).toThrow(/^NATS_URL must be/)
    expect(() => natsServers(value)).not.toThrow(/secret/)
  }
  expect(natsServers('tls://u:p%40@a:1, tls://b')).toEqual({
    servers: ['a:1', 'b'],
    user: 'u',
    pass: 'p@',
    tls: {},
  })
  expect(natsServers('nats://token@a:1')).toEqual({ servers: ['a:1'], token: 'token' })
})
