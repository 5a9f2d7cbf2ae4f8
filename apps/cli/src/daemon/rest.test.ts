import { expect, test } from 'vitest'
import { Rest } from './rest.ts'

/** A process that uses so many ms in each of the seconds; answers in which of them pages and compiled code were given back. */
function givenBack(started: number, ...seconds: readonly number[]): { pages: number[]; code: number[] } {
  let cpu = started
  const given: ReturnType<typeof givenBack> = { pages: [], code: [] }
  let second = 0
  const giving = (what: keyof typeof given) => () => {
    given[what].push(second)
    cpu += 50
  }
  const rest = new Rest({ cpuMs: () => cpu, give: { pages: giving('pages'), code: giving('code') } })
  for (const ms of seconds) {
    second++
    cpu += ms
    rest.look()
  }
  return given
}
const quiet = (seconds: number): number[] => Array(seconds).fill(5)

test('pages are given back once a burst has been over for ten seconds, and once for each', () => {
  expect(givenBack(600, ...quiet(30)).pages).toEqual([10])
  expect(givenBack(600, ...quiet(9), 20, ...quiet(15)).pages).toEqual([20])
  expect(givenBack(600, ...quiet(20), 20, ...quiet(20)).pages).toEqual([10, 31])
})

test('what was compiled goes where nothing has worked for half a minute, once for each burst', () => {
  expect(givenBack(600, ...quiet(29), 20, ...quiet(29)).code).toEqual([])
  expect(givenBack(600, ...quiet(200))).toEqual({ pages: [10], code: [30] })
  expect(givenBack(0, ...quiet(20), 200, 150, ...quiet(70), 400, ...quiet(70)).code).toEqual([52, 123])
})

test('a daemon that only watches, or does little now and then, is left alone', () => {
  expect(givenBack(100, ...quiet(1000))).toEqual({ pages: [], code: [] })
  expect(
    givenBack(
      0,
      ...Array(20)
        .fill([30, ...quiet(20)])
        .flat()
        .slice(0, 180),
    ),
  ).toEqual({ pages: [], code: [] })
})
