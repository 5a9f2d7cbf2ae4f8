import { describe, expect, test } from 'vitest'
import type { Broken } from '../src/checker.ts'
import { PLANTED_BUGS } from '../src/planted-bugs.ts'
import { simulate } from '../src/simulate.ts'

/** Seeds of the short form; `simulation.long.test.ts` runs ten thousand. */
const HISTORIES = 40
/** A planted fault is found within so many. */
const SEARCHED = 25

const isOf = (promises: readonly Broken['promise'][], broken: readonly Broken[]): boolean =>
  broken.some(({ promise }) => promises.includes(promise))

test('one seed is one history, step by step and byte by byte', async () => {
  const first = await simulate(7)
  const second = await simulate(7)
  expect(second.hash).toBe(first.hash)
  expect((await simulate(8)).hash).not.toBe(first.hash)
})

test('no history breaks a promise; a failure names its seed', async () => {
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const { broken } = await simulate(seed)
    expect(broken, `SEED=${seed} bun apps/simulation/src/main.ts`).toEqual([])
  }
}, 600_000)

describe('a fault of each class is found', () => {
  const classes: Record<keyof typeof PLANTED_BUGS, Broken['promise'][]> = {
    'ack before commit': ['false-word'],
    'dedupe off': ['duplicate'],
    'order by time': ['order', 'loss'],
    'receipt before storing': ['false-word', 'loss'],
    'receipt before surfacing': ['false-word'],
  }
  for (const [name, bug] of Object.entries(PLANTED_BUGS))
    test(name, async () => {
      const promises = classes[name as keyof typeof PLANTED_BUGS]
      let seed = 1
      while (seed <= SEARCHED && !isOf(promises, (await simulate(seed, { bug })).broken)) seed++
      expect(seed, 'histories searched').toBeLessThanOrEqual(SEARCHED)
    }, 120_000)
})
