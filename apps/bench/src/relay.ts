/** The yardstick: a bare Bun WebSocket server that hands every frame to one other socket and knows nothing else. */
import type { ServerWebSocket } from 'bun'

interface Seat {
  readonly role: string
  readonly pair: string
}

/** Listens on loopback, port 0, and tells the parent which. `/send/7` is relayed to `/receive/7`. */
export function relay(): void {
  const receivers = new Map<string, ServerWebSocket<Seat>>()
  const server = Bun.serve<Seat>({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request, server) {
      const [, role, pair] = new URL(request.url).pathname.split('/')
      return server.upgrade(request, { data: { role: role!, pair: pair! } })
        ? undefined
        : new Response(null, { status: 400 })
    },
    websocket: {
      perMessageDeflate: false,
      open(socket) {
        if (socket.data.role === 'receive') receivers.set(socket.data.pair, socket)
        socket.send('ready')
      },
      message(socket, frame) {
        receivers.get(socket.data.pair)?.sendBinary(frame as Buffer<ArrayBuffer>)
      },
    },
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ port: server.port })
}
