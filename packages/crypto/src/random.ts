/** Random bytes from the platform's generator: libsodium's own costs 140 to 2,800 µs per KB in WebAssembly. */

/** `size` unpredictable bytes (at most 65,536, the limit of `crypto.getRandomValues`). */
export function randomBytes(size: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(size))
}
