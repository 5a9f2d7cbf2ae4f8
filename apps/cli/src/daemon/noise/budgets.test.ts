import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Budgets, type Due } from './budgets.ts'

const RATES = { pairBurst: 3, pairMinute: 60, threadBurst: 2, threadMinute: 30 }
const due = (id: number, change: Partial<Due> = {}): Due => ({
  id: String(id),
  from: 'bob/web',
  member: () => 'bob',
  threadId: null,
  handed: false,
  ...change,
})
const row = (from: number, count: number, change: Partial<Due> = {}) =>
  Array.from({ length: count }, (_, n) => due(from + n, change))

describe('what one session is handed', () => {
  test('is a burst, then what the minute allows, in order, and all of it in the end', () => {
    const budgets = new Budgets()
    const waiting = row(0, 5)
    expect(budgets.admit('a', waiting, RATES, 0)).toEqual({ ids: new Set(['0', '1', '2']), againAt: 1_000 })
    // Looking again costs nothing, and gives nothing before its time.
    expect(budgets.admit('a', waiting, RATES, 999).ids.size).toBe(3)
    expect(budgets.admit('a', waiting.slice(3), RATES, 1_000)).toEqual({
      ids: new Set(['3']),
      againAt: 2_000,
    })
    expect(budgets.admit('a', waiting.slice(4), RATES, 2_000)).toEqual({ ids: new Set(['4']), againAt: null })
  })

  test('of another sender, and in another mailbox, has a budget of its own', () => {
    const budgets = new Budgets()
    const all = [...row(0, 4), due(9, { from: 'carol/', member: () => 'carol' })]
    expect([...budgets.admit('a', all, RATES, 0).ids]).toEqual(['0', '1', '2', '9'])
    expect(budgets.admit('b', row(0, 3), RATES, 0).againAt).toBeNull()
  })

  test('of one thread is less; what stands behind it of the same sender waits with it', () => {
    const budgets = new Budgets()
    const all = [...row(0, 3, { threadId: 't' }), due(8)]
    expect(budgets.admit('a', all, RATES, 0)).toEqual({ ids: new Set(['0', '1']), againAt: 2_000 })
    expect([...budgets.admit('a', all.slice(2), RATES, 2_000).ids]).toEqual(['2', '8'])
  })

  test('is no more for a member that opens ever new sessions', () => {
    const budgets = new Budgets()
    const flood = Array.from({ length: 50 }, (_, n) => due(n, { from: `bob/${n}` }))
    expect(budgets.admit('a', flood, RATES, 0).ids.size).toBe(12)
  })

  test('and was handed over before, costs nothing again', () => {
    const budgets = new Budgets()
    const all = [...row(0, 9, { handed: true }), ...row(20, 3)]
    expect(budgets.admit('a', all, RATES, 0)).toMatchObject({ againAt: null })
  })

  test('never exceeds burst and rate, whatever comes when, and nothing is left behind', () => {
    const step = fc.record({ passes: fc.nat(5_000), comes: fc.nat(4) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const budgets = new Budgets()
        let [now, made, given] = [0, 0, 0]
        let waiting: Due[] = []
        const look = (): number | null => {
          const { ids, againAt } = budgets.admit('a', waiting, RATES, now)
          given += ids.size
          // One sender's order: a beginning of what waits.
          expect([...ids]).toEqual(waiting.slice(0, ids.size).map(one => one.id))
          waiting = waiting.slice(ids.size)
          return againAt
        }
        for (const { passes, comes } of steps) {
          now += passes
          waiting.push(...row(made, comes))
          made += comes
          look()
          expect(given).toBeLessThanOrEqual(3 + now / 1_000)
        }
        for (let again = look(); again !== null; again = look()) now = again
        expect(given).toBe(made)
      }),
    )
  })
})
