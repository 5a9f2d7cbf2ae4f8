/** A wire between daemons and broker that writes down every byte both ways, and takes the mask off what clients send. */
import { createServer, connect as dial, type Server, type Socket } from 'node:net'

export interface Tape {
  readonly port: number
  /** Where connections go from now on, on loopback. */
  to(port: number): void
  /** Everything so far: the bytes as they went over the wire, and the payload of every masked frame. */
  bytes(): Buffer
  close(): Promise<void>
}

export async function startTape(): Promise<Tape> {
  let target = 0
  const wires: { up: Buffer[]; down: Buffer[] }[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer(client => {
    const wire = { up: [] as Buffer[], down: [] as Buffer[] }
    wires.push(wire)
    const broker = dial(target, '127.0.0.1')
    pass(client, broker, wire.up)
    pass(broker, client, wire.down)
    for (const socket of [client, broker]) sockets.add(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    to: port => {
      target = port
    },
    bytes: () =>
      Buffer.concat(
        wires.flatMap(({ up, down }) => {
          const sent = Buffer.concat(up)
          return [sent, ...unmasked(sent), ...down]
        }),
      ),
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

function pass(from: Socket, to: Socket, kept: Buffer[]): void {
  from.on('data', (chunk: Buffer) => {
    kept.push(chunk)
    to.write(chunk)
  })
  from.on('close', () => to.destroy())
  from.on('error', () => to.destroy())
}

/** Payloads of the frames behind an upgrade (RFC 6455 section 5.2). Throws for compressed ones, in which nothing could be found. */
function unmasked(sent: Buffer): Buffer[] {
  const head = sent.indexOf('\r\n\r\n')
  if (head < 0 || !/^upgrade: *websocket/im.test(sent.toString('latin1', 0, head))) return []
  const payloads: Buffer[] = []
  for (let at = head + 4; at + 2 <= sent.length; ) {
    if ((sent[at]! & 0x70) !== 0) throw new Error('a frame that is compressed')
    const short = sent[at + 1]! & 0x7f
    const extra = short === 126 ? 2 : short === 127 ? 8 : 0
    const mask = at + 2 + extra
    if (mask + 4 > sent.length) break
    const size =
      short === 126 ? sent.readUInt16BE(at + 2) : extra === 8 ? Number(sent.readBigUInt64BE(at + 2)) : short
    const payload = Buffer.from(sent.subarray(mask + 4, mask + 4 + size))
    for (let i = 0; i < payload.length; i++) payload[i]! ^= sent[mask + (i % 4)]!
    payloads.push(payload)
    at = mask + 4 + size
  }
  return payloads
}
