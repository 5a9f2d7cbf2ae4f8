import fc from 'fast-check'
import { expect, test } from 'vitest'
import { portableFromBase64url, portableToBase64url } from '../src/bytes.ts'
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

test('a host without an encoder of its own writes and reads the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      const text = portableToBase64url(bytes)
      expect(text).toBe(toBase64url(bytes))
      expect(Buffer.compare(portableFromBase64url(text), bytes)).toBe(0)
    }),
  )
})

test('of all last characters those are taken that leave no stray bits, and they come back', () => {
  const alphabet = toBase64url(Uint8Array.from({ length: 256 }, (_, i) => i))
  const all = new Set(`${alphabet}-_`)
  expect(all.size).toBe(64)
  for (const before of ['', 'abcd', 'Q'.repeat(400)])
    for (const [first, taken] of [
      ['Q', 4],
      ['Qm', 16],
    ] as const) {
      const back = [...all].flatMap(last => {
        const text = before + first + last
        const bytes = fromBase64url(text)
        return bytes ? [[text, toBase64url(bytes)]] : []
      })
      expect(back).toHaveLength(taken)
      for (const [text, again] of back) expect(again).toBe(text)
    }
})

test('padding, other alphabets and stray bits are refused', () => {
  for (const bad of ['QQ==', 'a+b/', 'QR', 'A', 'Q Q', ' QQ', 'QQ\n'])
    expect(fromBase64url(bad)).toBeUndefined()
})
