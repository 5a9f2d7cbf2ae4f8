/** A socket that floods: it counts what comes back and looks at nothing but what tells that the broker kept up. */
import { SUBPROTOCOL } from '@claudemesh/protocol'
import type { WireFrame } from './storm-frames.ts'

export class StormSocket {
  readonly closed: Promise<number>
  /** Answers that say the broker itself failed. */
  readonly failures: string[] = []
  answers = 0
  open = true
  private readonly ws: WebSocket
  private awaited: { readonly mark: string; readonly met: () => void } | undefined
  private lastRef = 0x7000_0000

  /** Takes over a greeted socket, or dials as a stranger that never says hello. */
  constructor(from: WebSocket | number) {
    this.ws = typeof from === 'number' ? new WebSocket(`ws://127.0.0.1:${from}/ws`, [SUBPROTOCOL]) : from
    this.ws.binaryType = 'arraybuffer'
    this.ws.onmessage = ({ data }) => {
      this.answers++
      if (typeof data !== 'string') return
      if (data.includes('"code":"internal"')) this.failures.push(data)
      if (this.awaited !== undefined && data.includes(this.awaited.mark)) this.meet()
    }
    this.closed = new Promise(resolve => {
      this.ws.onclose = ({ code }) => {
        this.open = false
        this.meet()
        resolve(code)
      }
    })
  }

  send(frame: WireFrame): void {
    this.ws.send(frame)
  }

  /** Resolves when everything sent so far has been handled, or the socket is gone. */
  async handled(): Promise<void> {
    if (!this.open) return
    const ref = ++this.lastRef
    const met = new Promise<void>(resolve => {
      this.awaited = { mark: `"ref":${ref},`, met: resolve }
    })
    this.ws.send(`{"type":"ping","time":1,"ref":${ref}}`)
    await met
  }

  /** The broker's first word to a stranger, or its end. */
  async challenged(): Promise<void> {
    await new Promise<void>(resolve => {
      this.awaited = { mark: '"challenge"', met: resolve }
    })
  }

  close(): void {
    this.ws.close()
  }

  private meet(): void {
    this.awaited?.met()
    this.awaited = undefined
  }
}
