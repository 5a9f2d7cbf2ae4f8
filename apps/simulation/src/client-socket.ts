/** The client's end of a simulated socket, as far as a `WebSocket` is used by `packages/client`. */
import type { Frame } from './frame.ts'

export class ClientSocket {
  binaryType = 'arraybuffer'
  readyState = 0
  onmessage: ((event: { readonly data: string | ArrayBuffer }) => void) | null = null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null
  onerror: (() => void) | null = null
  #send: (frame: Frame) => void = () => {}
  #close: (code: number, reason: string) => void = () => {}

  connected(send: (frame: Frame) => void, close: (code: number, reason: string) => void): void {
    if (this.readyState !== 0) {
      close(1006, '')
      return
    }
    this.#send = send
    this.#close = close
    this.readyState = 1
  }

  arrived(frame: Frame): void {
    const data = typeof frame === 'string' ? frame : (frame.slice().buffer as ArrayBuffer)
    if (this.readyState === 1) this.onmessage?.({ data })
  }

  over(code: number, reason: string): void {
    if (this.readyState === 3) return
    this.readyState = 3
    if (code === 1006) this.onerror?.()
    this.onclose?.({ code, reason })
  }

  send(frame: Frame | ArrayBuffer): void {
    if (this.readyState !== 1) return
    this.#send(frame instanceof ArrayBuffer ? new Uint8Array(frame) : frame)
  }

  close(code = 1000, reason = ''): void {
    if (this.readyState >= 2) return
    this.readyState = 2
    this.#close(code, reason)
  }
}
