import { expect, test } from 'vitest'
import { blake2b256 } from '../src/blake2b.ts'
import { sodium } from '../src/sodium.ts'

test('the hash of the host is that of libsodium for input of any length, also where it lies in the middle of a buffer', () => {
  const whole = crypto.getRandomValues(new Uint8Array(40_000))
  const lengths = [...Array.from({ length: 300 }, (_, length) => length), 1023, 1024, 4096, 39_000]
  for (const [at, length] of lengths.entries()) {
    const input = whole.subarray(at, at + length)
    const hash = blake2b256(input)
    expect(hash).toEqual(sodium.crypto_generichash(32, input, null))
    expect(Object.getPrototypeOf(hash)).toBe(Uint8Array.prototype)
  }
})
