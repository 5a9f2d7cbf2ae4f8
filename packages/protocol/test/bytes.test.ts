import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '../src/index.ts'

test('base64url comes back as the bytes it was made from', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      const back = fromBase64url(toBase64url(bytes))
      // Arrays of another realm are not `toEqual`, whatever they hold.
      expect(back && Buffer.compare(back, bytes)).toBe(0)
    }),
  )
})

test('padding, other alphabets and stray bits are refused', () => {
  for (const bad of ['QQ==', 'a+b/', 'QR', 'A', 'Q Q']) expect(fromBase64url(bad)).toBeUndefined()
})
