import { expect, test } from 'vitest'
import { InFlight } from './in-flight.ts'

test('what is released is counted once, and bytes are those of the rest', () => {
  const flight = new InFlight()
  for (let seq = 1; seq <= 5000; seq++) flight.push(seq, seq)
  expect(flight.release(0)).toBe(0)
  expect(flight.release(2000)).toBe(2000)
  expect(flight.release(2000)).toBe(0)
  expect(flight.count).toBe(3000)
  expect(flight.bytes).toBe((5000 * 5001) / 2 - (2000 * 2001) / 2)
  expect(flight.release(Number.MAX_SAFE_INTEGER)).toBe(3000)
  expect([flight.count, flight.bytes]).toEqual([0, 0])
})
