import { connect, createServer, type Server, type Socket } from 'node:net'
import { encodeFrame } from '@claudemesh/protocol'
import type { HistoryEvent } from '@claudemesh/simulation'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Network, startNetwork } from '../src/network.ts'
import { WireFrames } from '../src/web-socket-frames.ts'

const HEAD = Buffer.from('GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n')
const MEMBER = 'm'.repeat(43)
const HELLO = frame(1, Buffer.from(JSON.stringify({ type: 'hello', as: 'member', key: MEMBER })))

/** A frame as a client sends it when `mask` is given (RFC 6455 section 5.2). */
function frame(opcode: number, payload: Uint8Array, mask?: readonly number[]): Buffer {
  const { length } = payload
  const size = length < 126 ? [length] : [126, length >> 8, length & 255]
  if (mask) size[0]! |= 0x80
  const body = mask ? payload.map((byte, i) => byte ^ mask[i % 4]!) : payload
  return Buffer.concat([Buffer.from([0x80 | opcode, ...size, ...(mask ?? [])]), body])
}

test('frames are found however the bytes were cut, masked or not, with their places', () => {
  const long = new Uint8Array(300).fill(7)
  const all = Buffer.concat([
    HEAD,
    frame(2, long, [1, 2, 3, 4]),
    frame(9, new Uint8Array(2)),
    frame(1, Buffer.from('{}')),
  ])
  for (const step of [1, 7, all.length]) {
    const frames = new WireFrames()
    const found = []
    for (let at = 0; at < all.length; at += step) found.push(...frames.push(all.subarray(at, at + step)))
    expect(found.map(({ isBinary }) => isBinary)).toEqual([true, false])
    expect(Buffer.from(found[0]!.payload)).toEqual(Buffer.from(long))
    expect(all.subarray(found[0]!.start, found[0]!.end)).toEqual(frame(2, long, [1, 2, 3, 4]))
    expect(found[1]!.end).toBe(all.length)
  }
})

test('a compressed frame is told, not skipped', () => {
  const frames = new WireFrames()
  expect(() => frames.push(Buffer.concat([HEAD, Buffer.from([0xc2, 0])]))).toThrow('compressed')
})

let server: Server
let network: Network
let accepted: Promise<Socket>
const heard: HistoryEvent[] = []
beforeAll(async () => {
  server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  network = await startNetwork(event => heard.push(event))
  network.route([(server.address() as { port: number }).port])
})
beforeEach(() => {
  accepted = new Promise(resolve => server.once('connection', resolve))
})
afterAll(async () => {
  await network.close()
  server.close()
})

/** A client that said who it is, and its other end, which has heard it. */
async function dialled(): Promise<{ client: Socket; far: Socket; atFar: Buffer[] }> {
  const client = connect(network.port, '127.0.0.1')
  const far = await accepted
  const atFar: Buffer[] = []
  far.on('data', (chunk: Buffer) => atFar.push(chunk))
  for (const end of [client, far]) end.on('error', () => {})
  client.write(Buffer.concat([HEAD, HELLO]))
  await arrived(far, atFar, HEAD.length + HELLO.length)
  return { client, far, atFar }
}

const size = (chunks: readonly Buffer[]): number => chunks.reduce((sum, { length }) => sum + length, 0)
const closed = (end: Socket): Promise<void> => new Promise(resolve => end.once('close', () => resolve()))

function arrived(end: Socket, chunks: readonly Buffer[], bytes: number): Promise<void> {
  return new Promise(resolve => {
    const look = () => size(chunks) >= bytes && resolve()
    end.on('data', look)
    look()
  })
}

const ack = (upTo: number): Buffer =>
  frame(
    2,
    encodeFrame({
      type: 'ack',
      ref: 1,
      acks: [{ recipient: { member: new Uint8Array(32), session: null }, attachment: 1, upTo }],
    }),
    [9, 8, 7, 6],
  )

test('what a frame promises is heard', async () => {
  const { client, far, atFar } = await dialled()
  const before = size(atFar)
  client.write(ack(7))
  await arrived(far, atFar, before + ack(7).length)
  expect(heard).toContainEqual(expect.objectContaining({ type: 'acked', attachment: 1, upTo: 7 }))
  client.destroy()
  await closed(far)
})

test('what is stalled comes when it is healed, in order', async () => {
  const { client, far, atFar } = await dialled()
  const before = size(atFar)
  network.cut(MEMBER, 'stalled')
  client.write(ack(1))
  client.write(ack(2))
  await expect.poll(() => heard.filter(event => event.type === 'acked' && event.upTo === 2).length).toBe(1)
  expect(size(atFar)).toBe(before)
  network.heal(MEMBER)
  await arrived(far, atFar, before + ack(1).length * 2)
  expect(Buffer.concat(atFar).subarray(before)).toEqual(Buffer.concat([ack(1), ack(2)]))
  client.destroy()
  await closed(far)
})

test('a black hole swallows, and both ends learn of it when it ends', async () => {
  const { client, far, atFar } = await dialled()
  const before = size(atFar)
  network.cut(MEMBER, 'black-hole')
  client.write(ack(3))
  await expect.poll(() => heard.some(event => event.type === 'acked' && event.upTo === 3)).toBe(true)
  const ends = Promise.all([closed(client), closed(far)])
  network.heal(MEMBER)
  await ends
  expect(size(atFar)).toBe(before)
})

test('no other cut brings back a wire whose bytes a black hole has swallowed', async () => {
  const { client, far, atFar } = await dialled()
  const before = size(atFar)
  const heardOf = (upTo: number) =>
    expect.poll(() => heard.some(event => event.type === 'acked' && event.upTo === upTo)).toBe(true)
  network.cut(MEMBER, 'black-hole')
  client.write(ack(4))
  await heardOf(4)
  network.cut(MEMBER, 'stalled')
  client.write(ack(5))
  await heardOf(5)
  const ends = Promise.all([closed(client), closed(far)])
  network.heal(MEMBER)
  await ends
  expect(size(atFar)).toBe(before)
})

test('a reset in mid frame passes on half of it', async () => {
  const { client, far, atFar } = await dialled()
  const before = size(atFar)
  network.resetInFrame(MEMBER, 'up')
  const ends = Promise.all([closed(client), closed(far)])
  client.write(ack(4))
  await ends
  expect(size(atFar) - before).toBeLessThan(ack(4).length)
})
