/** Writes big-endian fields into a buffer whose exact size is known beforehand, refusing what a reader would refuse. */
import { fault } from './fault.ts'

const TWO_32 = 0x1_0000_0000

/** A place in a new byte string of `size` bytes. */
export class Writer {
  readonly bytes: Uint8Array<ArrayBuffer>
  private readonly view: DataView
  private at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
  }

  u8(value: number): void {
    this.view.setUint8(this.at, value)
    this.at += 1
  }

  u16(value: number): void {
    this.view.setUint16(this.at, value)
    this.at += 2
  }

  /** `value` must be an integer from 0 to 2^32 - 1. */
  u32(value: number, field: string): void {
    if (!Number.isInteger(value) || value < 0 || value >= TWO_32)
      throw fault('bad-field', '32-bit integer expected', field)
    this.view.setUint32(this.at, value)
    this.at += 4
  }

  /** `value` must be an integer from 0 to 2^53 - 1. */
  u64(value: number, field: string): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw fault('bad-field', 'integer from 0 to 2^53 - 1 expected', field)
    this.view.setUint32(this.at, Math.floor(value / TWO_32))
    this.view.setUint32(this.at + 4, value % TWO_32)
    this.at += 8
  }

  /** `value` must be exactly `size` bytes. */
  fixed(value: Uint8Array, size: number, field: string): void {
    if (!(value instanceof Uint8Array) || value.length !== size)
      throw fault('bad-field', `${size} bytes expected`, field)
    this.raw(value)
  }

  /** Bytes whose length was checked where they came from. */
  raw(value: Uint8Array): void {
    this.bytes.set(value, this.at)
    this.at += value.length
  }
}
