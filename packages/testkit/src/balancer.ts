/** The one address in front of several brokers, as a load balancer of TCP is: each new connection goes to the next that answers. */
import { connect, createServer, type Socket } from 'node:net'

export interface Balancer {
  readonly port: number
  /** `127.0.0.1:<port>`: what clients dial and sign. */
  readonly host: string
  /** Where connections go from now on; those that are open stay where they are. */
  route(...ports: number[]): void
  close(): Promise<void>
}

/** Listens on a free loopback port. Who comes while nobody answers is hung up on. */
export async function startBalancer(): Promise<Balancer> {
  let targets: readonly number[] = []
  let turn = 0
  const open = new Set<Socket>()
  const keep = (socket: Socket): Socket => {
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => open.delete(socket))
    return socket
  }

  function forward(client: Socket, left: readonly number[]): void {
    const [port, ...others] = left
    if (port === undefined) return void client.destroy()
    const server = connect(port, '127.0.0.1')
    server.once('error', () => forward(client, others))
    server.once('connect', () => {
      keep(server)
      server.on('close', () => client.destroy())
      client.on('close', () => server.destroy())
      client.pipe(server)
      server.pipe(client)
    })
  }

  const listener = createServer({ noDelay: true }, client => {
    keep(client)
    turn++
    forward(
      client,
      targets.map((_, i) => targets[(turn + i) % targets.length]!),
    )
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    port,
    host: `127.0.0.1:${port}`,
    route(...ports) {
      targets = ports
    },
    close() {
      for (const socket of open) socket.destroy()
      return new Promise(resolve => listener.close(() => resolve()))
    },
  }
}
