/** Splits one direction of a WebSocket connection into its frames (RFC 6455 section 5.2), behind its HTTP head. */

export interface WireFrame {
  readonly isBinary: boolean
  readonly payload: Uint8Array
  /** Where it begins and ends among all bytes of the direction. */
  readonly start: number
  readonly end: number
}

const HEAD_END = '\r\n\r\n'
/** What carries no upgrade is no WebSocket: it is not kept. */
const LONGEST_HEAD = 64 << 10
const OPCODES = { text: 1, binary: 2 }

export class WireFrames {
  #rest: Buffer = Buffer.alloc(0)
  /** Where `#rest` begins among all bytes. */
  #at = 0
  #is: 'head' | 'frames' | 'other' = 'head'

  /** The frames that end within this chunk. Throws for compressed ones, in which nothing could be read. */
  push(chunk: Uint8Array): WireFrame[] {
    if (this.#is === 'other') return []
    this.#rest = Buffer.concat([this.#rest, chunk])
    if (this.#is === 'head') this.#readHead()
    if (this.#is !== 'frames') return []
    const frames: WireFrame[] = []
    for (let frame = this.#next(); frame; frame = this.#next()) if (frame !== 'control') frames.push(frame)
    return frames
  }

  #readHead(): void {
    const end = this.#rest.indexOf(HEAD_END)
    if (end < 0) {
      if (this.#rest.length > LONGEST_HEAD) this.#is = 'other'
      return
    }
    this.#is = /^upgrade: *websocket/im.test(this.#rest.toString('latin1', 0, end)) ? 'frames' : 'other'
    this.#drop(end + HEAD_END.length)
  }

  #next(): WireFrame | 'control' | undefined {
    const rest = this.#rest
    if (rest.length < 2) return undefined
    if ((rest[0]! & 0x70) !== 0) throw new Error('a frame that is compressed')
    const [opcode, short] = [rest[0]! & 0x0f, rest[1]! & 0x7f]
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0
    const isMasked = (rest[1]! & 0x80) !== 0
    const head = 2 + lengthBytes + (isMasked ? 4 : 0)
    if (rest.length < head) return undefined
    const size =
      lengthBytes === 0 ? short : lengthBytes === 2 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2))
    if (rest.length < head + size) return undefined
    const payload = Uint8Array.prototype.slice.call(rest, head, head + size)
    if (isMasked) for (let i = 0; i < size; i++) payload[i]! ^= rest[head - 4 + (i % 4)]!
    const start = this.#at
    this.#drop(head + size)
    const isBinary = opcode === OPCODES.binary
    return isBinary || opcode === OPCODES.text ? { isBinary, payload, start, end: this.#at } : 'control'
  }

  #drop(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes)
    this.#at += bytes
  }
}
