import { recipientsHash as original } from '@claudemesh/crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { recipientsHash } from './recipients-hash.ts'

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })
const target = fc.record({
  recipient: fc.record({ member: bytes(32), session: fc.option(bytes(32)) }),
  prekeyId: bytes(16),
  slotHash: bytes(32),
})

test('it is the hash that crypto makes, for any recipients', () => {
  fc.assert(
    fc.property(fc.array(target, { maxLength: 20 }), to => {
      expect(Buffer.compare(Buffer.from(recipientsHash(to)), Buffer.from(original(to)))).toBe(0)
    }),
  )
})
