/** Runs something with the platform's random bytes replaced by a stream that a number fixes, so that sealing repeats itself. */
import { signedBytes } from '../src/index.ts'

/** FNV-1a of the seed and a counter: repeatable on every platform, and of no other use. */
function* stream(start: number): Generator<number> {
  for (let i = 0; ; i++) {
    let h = 0x811c9dc5
    for (const byte of signedBytes('leaf', [start, i])) h = Math.imul(h ^ byte, 0x01000193)
    yield (h >>> 16) & 0xff
  }
}

export function seeded<T>(start: number, run: () => T): T {
  const bytes = stream(start)
  const real = crypto.getRandomValues
  crypto.getRandomValues = <A extends ArrayBufferView | null>(array: A): A => {
    if (!(array instanceof Uint8Array)) throw new TypeError('only Uint8Array is filled here')
    for (let i = 0; i < array.length; i++) array[i] = bytes.next().value
    return array
  }
  try {
    return run()
  } finally {
    crypto.getRandomValues = real
  }
}
