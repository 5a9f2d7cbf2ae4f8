/** A way to the broker whose readers may stop reading, as machines do that hang: what the broker sends then stays where it is. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface StuckLink {
  readonly port: number
  /** Nothing of the broker's is read any more. */
  stop(): void
  /** All of it is read again. */
  go(): void
  close(): Promise<void>
}

/** Listens on `port` of 127.0.0.1 (0: any) and leads to `to`. */
export async function startStuckLink(port: number, to: number): Promise<StuckLink> {
  const fromBroker = new Set<Socket>()
  const open = new Set<Socket>()
  const listener = createServer(client => {
    const broker = connect(to, '127.0.0.1')
    for (const socket of [client, broker]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => open.delete(socket))
    }
    fromBroker.add(broker)
    client.on('close', () => broker.destroy())
    broker.on('close', () => {
      fromBroker.delete(broker)
      client.destroy()
    })
    client.pipe(broker)
    broker.on('data', chunk => client.write(chunk))
  })
  await new Promise<void>(resolve => listener.listen(port, '127.0.0.1', resolve))
  return {
    port: (listener.address() as AddressInfo).port,
    stop() {
      for (const socket of fromBroker) socket.pause()
    },
    go() {
      for (const socket of fromBroker) socket.resume()
    },
    close() {
      for (const socket of open) socket.destroy()
      return new Promise(resolve => listener.close(() => resolve()))
    },
  }
}
