/** Reads big-endian fields from a byte string without copying and never past its end. */
import { fault } from './fault.ts'

const TWO_32 = 0x1_0000_0000

/** A place in a byte string. Every read names its field, so that an error can say which one was cut or out of range. */
export class Reader {
  /** Where the next read begins. */
  at: number
  /** First offset that may not be read. */
  readonly end: number
  readonly bytes: Uint8Array
  private readonly view: DataView

  /** Views taken from here are plain `Uint8Array`s also where `bytes` is a `Buffer`. */
  constructor(bytes: Uint8Array) {
    this.bytes =
      bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = 0
    this.end = bytes.length
  }

  u8(field: string): number {
    return this.view.getUint8(this.skip(1, field))
  }

  u16(field: string): number {
    return this.view.getUint16(this.skip(2, field))
  }

  u32(field: string): number {
    return this.view.getUint32(this.skip(4, field))
  }

  /** An unsigned 64-bit integer that a number holds exactly: at most 2^53 - 1. */
  u64(field: string): number {
    const at = this.skip(8, field)
    const high = this.view.getUint32(at)
    if (high > 0x1f_ffff) throw fault('bad-field', 'integer above 2^53 - 1', field)
    return high * TWO_32 + this.view.getUint32(at + 4)
  }

  /** A view of the next `size` bytes. */
  take(size: number, field: string): Uint8Array {
    const at = this.skip(size, field)
    return this.bytes.subarray(at, at + size)
  }

  /** A reader of its own for the bytes behind the next u32, their length. */
  part(field: string): Reader {
    return new Reader(this.take(this.u32(field), field))
  }

  /** Moves on by `size` bytes and answers where they began. */
  skip(size: number, field: string): number {
    const at = this.at
    if (size > this.end - at) throw fault('bad-frame', `cut short: ${size} bytes expected`, field)
    this.at = at + size
    return at
  }

  /** Throws unless everything was read. */
  finish(field: string): void {
    if (this.at !== this.end) throw fault('bad-frame', `${this.end - this.at} bytes too many`, field)
  }
}
