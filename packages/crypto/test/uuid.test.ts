/** A UUID is the same on every host, with an encoder of its own or without. */
import { expect, test } from 'vitest'
import { portableFromHex, portableToHex, uuidBytes, uuidText, uuidv7 } from '../src/uuid.ts'

test('text and bytes of a UUID come back as they were, by the host and without it', () => {
  const known = '0123456789ab7cdef'.slice(0, 16)
  expect(uuidText(Uint8Array.from(known, c => c.charCodeAt(0)))).toBe('30313233-3435-3637-3839-616237636465')
  for (let n = 0; n < 200; n++) {
    const bytes = uuidv7(n * 7_919_000_003)
    const text = uuidText(bytes)
    expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(uuidBytes(text)).toEqual(bytes)
    const hex = text.replaceAll('-', '')
    expect([portableToHex(bytes), portableFromHex(hex)]).toEqual([hex, bytes])
  }
  for (const wrong of [
    '',
    known,
    '0'.repeat(36),
    `${uuidText(uuidv7(1))} `,
    uuidText(uuidv7(1)).toUpperCase(),
  ])
    expect(() => uuidBytes(wrong)).toThrow('a lower-case UUID is expected')
})
