/** The broker's end of a simulated socket, as far as a `ServerWebSocket` of Bun is used by the broker. */
import type { SocketData } from '@claudemesh/broker'
import type { ServerWebSocket } from 'bun'
import type { Frame } from './frame.ts'

export interface ServerEnd {
  send(frame: Frame): void
  close(code: number, reason: string): void
  ping(): void
}

/** All that is sent is taken: Bun's buffer of 8 MiB a socket is never filled here. */
export function serverSocket(data: SocketData, end: ServerEnd): ServerWebSocket<SocketData> {
  const socket = {
    data,
    binaryType: 'uint8array',
    send(frame: Frame): number {
      end.send(frame)
      return frame.length
    },
    cork: <T>(work: () => T): T => work(),
    close: (code = 1000, reason = '') => end.close(code, reason),
    terminate: () => end.close(1006, ''),
    ping(): number {
      end.ping()
      return 0
    },
  }
  return socket as unknown as ServerWebSocket<SocketData>
}
