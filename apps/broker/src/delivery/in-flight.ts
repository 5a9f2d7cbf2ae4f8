/** What was handed to a socket and is not acked yet: seqs in rising order with their bytes, nothing allocated per item. */
import { NOTHING } from './nothing.ts'

export class InFlight {
  bytes = 0
  private seqs: number[] = NOTHING
  private sizes: number[] = NOTHING
  private first = 0

  get count(): number {
    return this.seqs.length - this.first
  }

  push(seq: number, size: number): void {
    if (this.seqs === NOTHING) {
      this.seqs = []
      this.sizes = []
    }
    this.seqs.push(seq)
    this.sizes.push(size)
    this.bytes += size
  }

  /** Forgets all up to `seq`; answers how many those were. */
  release(seq: number): number {
    if (this.count === 0) return 0
    const before = this.first
    while (this.first < this.seqs.length && this.seqs[this.first]! <= seq)
      this.bytes -= this.sizes[this.first++]!
    const released = this.first - before
    if (this.first === this.seqs.length) {
      this.seqs = NOTHING
      this.sizes = NOTHING
      this.first = 0
    } else if (this.first > 1024) {
      this.seqs = this.seqs.slice(this.first)
      this.sizes = this.sizes.slice(this.first)
      this.first = 0
    }
    return released
  }
}

/** Of whoever was handed nothing yet: one for all of them. Frozen: it is replaced by an own one, never filled. */
export const NONE_IN_FLIGHT = Object.freeze(new InFlight())
