/** Bytes as a key of a Map. */

/** One character a byte: the cheapest string that tells two byte strings apart. */
export const bytesIndex = (bytes: Uint8Array): string =>
  Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length)
