import { expect, test } from 'vitest'
import { contentHash } from './content-hash.ts'

const bytes = (...values: number[]) => new Uint8Array(values)
const hex = (envelope: Parameters<typeof contentHash>[0]) =>
  Buffer.from(contentHash(envelope)).toString('hex')

test('any other byte of header, slot or body is another content', () => {
  const slot = new Uint8Array(80)
  const base = { header: bytes(1), slots: [slot, slot], body: bytes(2) }
  const others = [
    { ...base, header: bytes(2) },
    { ...base, body: bytes(3) },
    { ...base, slots: [slot, slot.with(79, 1)] },
    { ...base, slots: [slot] },
  ]
  const seen = new Set([base, ...others].map(hex))
  expect(seen.size).toBe(5)
  expect(hex({ ...base, header: base.header.slice() })).toBe(hex(base))
})
