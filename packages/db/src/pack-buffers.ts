/** Memory that batches are laid out in: taken again once a call is answered, because fresh pages cost more than what is written to them. */

/** Larger ones are made for one call and let go of: the broker's batches of many items, or of large ones, have room. */
const KEPT_BYTES = 9 << 18
/** As many as commits are under way at once. */
const KEPT = 2

export class PackBuffers {
  private readonly free: Buffer[] = []

  /** `size` bytes that hold anything. */
  take(size: number): Buffer {
    const kept = size <= KEPT_BYTES ? (this.free.pop() ?? Buffer.allocUnsafeSlow(KEPT_BYTES)) : null
    return kept === null ? Buffer.allocUnsafeSlow(size) : kept.subarray(0, size)
  }

  /** Gives back what `take` gave, when nobody reads it any more. */
  give(bytes: Buffer): void {
    if (bytes.buffer.byteLength === KEPT_BYTES && this.free.length < KEPT)
      this.free.push(Buffer.from(bytes.buffer, 0, KEPT_BYTES))
  }
}
