import { expect, test } from 'vitest'
import { Rest } from './rest.ts'

const BUSY_MS = 3000
const QUIET_MS = 1200

test('memory is given back once, behind two quiet minutes in a row, and not while there is work', () => {
  let cpuMs = 500
  let given = 0
  const rest = new Rest({
    cpuMs: () => cpuMs,
    giveBack: () => {
      given++
      // What it costs itself is no work.
      cpuMs += BUSY_MS
    },
  })
  const minute = (used: number) => {
    cpuMs += used
    rest.look()
    return given
  }
  expect(minute(BUSY_MS)).toBe(0)
  expect(minute(QUIET_MS)).toBe(0)
  expect(minute(BUSY_MS)).toBe(0)
  expect(minute(QUIET_MS)).toBe(0)
  expect(minute(QUIET_MS)).toBe(1)
  expect(minute(QUIET_MS)).toBe(1)
  expect(minute(QUIET_MS)).toBe(1)
  expect(minute(BUSY_MS)).toBe(1)
  expect(minute(QUIET_MS)).toBe(1)
  expect(minute(QUIET_MS)).toBe(2)
})
