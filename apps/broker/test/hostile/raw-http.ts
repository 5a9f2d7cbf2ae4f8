/** HTTP by bytes, as no client library would send it. */
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  /** 0 where the server closed without a word. */
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Writes what it is given and reads until the server closes; `text` is responsible for `Connection: close`. */
export function rawHttp(
  port: number,
  text: string | Uint8Array,
  localAddress = '127.0.0.1',
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = dial(port, localAddress)
    socket.on('data', chunk => chunks.push(Buffer.from(chunk)))
    socket.on('error', error => ('code' in error && error.code === 'ECONNRESET' ? undefined : reject(error)))
    socket.on('close', () => {
      const [head = '', ...rest] = Buffer.concat(chunks).toString('latin1').split('\r\n\r\n')
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
        head,
        body: rest.join('\r\n\r\n'),
      })
    })
    socket.write(text)
  })
}

/** From an address of this machine's own: all of 127/8 is loopback on Linux. */
export const dial = (port: number, localAddress = '127.0.0.1'): Socket =>
  connect({ port, host: '127.0.0.1', localAddress })

export const request = (line: string, headers: readonly string[] = [], body = ''): string =>
  [line, 'Host: 127.0.0.1', 'Connection: close', ...headers, '', body].join('\r\n')
