/** Sockets that begin and never finish: held until the deadline, then closed; who speaks properly notices nothing. */
import type { Socket } from 'node:net'
import { CLOSE } from '@claudemesh/protocol'
import {
  type BrokerProcess,
  freshDatabase,
  startBrokerProcess,
  stopSharedPostgres,
} from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attached, type Founded, foundMesh, greeted } from '../test-broker.ts'
import { newSession } from '../test-member.ts'
import { TestSocket } from '../test-socket.ts'
import { converse } from './conversation.ts'
import { dial } from './raw-http.ts'

/** Each kind of attacker comes from an address of its own. */
const [DRIPPING, SILENT, BABBLING] = ['127.0.0.2', '127.0.0.3', '127.0.0.4'] as const
const HANDSHAKE_MS = 3000
/** How long Bun lets a request be on its way, however it drips: 10 s, looked at every 4. */
const REQUEST_MS = 20_000
const UPGRADE = [
  'GET /ws HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: claudemesh.v1',
  `Sec-WebSocket-Key: ${btoa('0123456789abcdef')}`,
  '',
  '',
].join('\r\n')

let broker: BrokerProcess
let port = 0
let founded: Founded
beforeAll(async () => {
  const { url } = await freshDatabase()
  broker = await startBrokerProcess(url, {
    HANDSHAKE_MS: String(HANDSHAKE_MS),
    RATE_ADDRESS: '0',
    LOG_LEVEL: 'warn',
  })
  port = Number(new URL(broker.url).port)
  const { challenge, ws } = await TestSocket.open(port)
  ws.close()
  founded = await foundMesh({ port, brokerKey: challenge.brokerKey })
})
afterAll(async () => {
  await broker.close()
  await stopSharedPostgres()
})

interface Ended {
  /** ms from dialling to the end. */
  readonly after: number
  readonly said: Buffer
}
function ended(socket: Socket): Promise<Ended> {
  const began = performance.now()
  const chunks: Buffer[] = []
  return new Promise(resolve => {
    socket.on('data', chunk => chunks.push(Buffer.from(chunk)))
    // A reset is an end like another.
    socket.on('error', () => {})
    socket.on('close', () => resolve({ after: performance.now() - began, said: Buffer.concat(chunks) }))
  })
}

/** One byte of the upgrade at a time, never the last. */
function drip(): Promise<Ended> {
  const socket = dial(port, DRIPPING)
  let at = 0
  const timer = setInterval(() => {
    if (at < UPGRADE.length - 1) socket.write(UPGRADE[at++]!)
  }, 250)
  socket.on('close', () => clearInterval(timer))
  return ended(socket)
}

function upgraded(from: string, then: (socket: Socket) => void = () => {}): Promise<Ended> {
  const socket = dial(port, from)
  socket.write(UPGRADE)
  socket.once('data', () => then(socket))
  return ended(socket)
}

/** A masked text frame that promises 1 MB and begins to give it (RFC 6455 section 5.2). */
const BEGUN = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4, 0x7a])

test('600 half-open sockets are closed by the deadline, and two peers and a newcomer notice nothing', async () => {
  const { mesh, join } = founded
  const [alice, bob] = [await attached(port, mesh, await join()), await attached(port, mesh, await join())]
  const newcomer = await join()
  const talk = converse(mesh.id, alice, bob)
  const dripping = Array.from({ length: 200 }, drip)
  const silent = Array.from({ length: 200 }, () => upgraded(SILENT))
  const babbling = Array.from({ length: 200 }, () => upgraded(BABBLING, socket => socket.write(BEGUN)))

  // In the middle of it somebody comes in and is served.
  const socket = await greeted(port, mesh, newcomer)
  expect(await socket.attach(mesh, newSession(newcomer))).toMatchObject({ type: 'attached' })

  for (const end of await Promise.all([...silent, ...babbling])) {
    expect(end.after).toBeGreaterThan(HANDSHAKE_MS - 200)
    expect(end.after).toBeLessThan(HANDSHAKE_MS + 10_000)
    expect(end.said.toString('latin1')).toContain('101 Switching Protocols')
    expect(end.said.includes(Buffer.from(CLOSE.handshakeTimeout.reason))).toBe(true)
  }
  for (const end of await Promise.all(dripping)) {
    expect(end.after).toBeLessThan(REQUEST_MS)
    expect(end.said.toString('latin1')).not.toContain('101')
  }
  for (const { sent, heard, took } of await talk.end()) {
    expect(heard).toEqual(sent)
    expect(sent.length).toBeGreaterThan(20)
    expect(Math.max(...took)).toBeLessThan(10_000)
  }
  const metrics = await (await fetch(`${broker.url}/metrics`)).text()
  expect(metrics).toContain('claudemesh_refusals_total{reason="handshake-timeout"} 400')
  // The founder, two who talk, the newcomer: nobody else is held.
  expect(metrics).toMatch(/^claudemesh_connections 4$/m)
  expect(broker.log()).not.toMatch(/failed|Error/)
}, 60_000)

test('one address may hold so many sockets without hello, and its neighbours have their own', async () => {
  const sockets: Socket[] = []
  const firstWord = () =>
    new Promise<string>(resolve => {
      const socket = dial(port, '127.0.0.5')
      sockets.push(socket)
      socket.once('data', chunk => resolve(chunk.toString('latin1').slice(9, 12)))
      socket.write(UPGRADE)
    })
  const words = await Promise.all(Array.from({ length: 300 }, firstWord))
  const neighbour = await greeted(port, founded.mesh, founded.mesh.owner)
  expect(await neighbour.ask({ type: 'ping', time: 1 })).toMatchObject({ type: 'pong' })
  for (const socket of sockets) socket.destroy()
  expect(words.filter(word => word === '101')).toHaveLength(256)
  expect(words.filter(word => word === '429')).toHaveLength(44)
})
