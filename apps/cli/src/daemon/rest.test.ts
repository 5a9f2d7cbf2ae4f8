import { expect, test } from 'vitest'
import { Rest } from './rest.ts'

/** A process that uses so many ms in each of the seconds; answers in which of them memory was given back. */
function givenBack(started: number, ...seconds: readonly number[]): number[] {
  let cpu = started
  const given: number[] = []
  let second = 0
  const rest = new Rest({
    cpuMs: () => cpu,
    giveBack: () => {
      given.push(second)
      cpu += 50
    },
  })
  for (const ms of seconds) {
    second++
    cpu += ms
    rest.look()
  }
  return given
}
const quiet = (seconds: number): number[] => Array(seconds).fill(5)

test('memory is given back once a burst has been over for ten seconds, and once for each', () => {
  expect(givenBack(600, ...quiet(30))).toEqual([10])
  expect(givenBack(600, ...quiet(9), 20, ...quiet(15))).toEqual([20])
  expect(givenBack(0, ...quiet(20), 200, 150, ...quiet(20), 400, ...quiet(20))).toEqual([32, 53])
})

test('a daemon that only watches, or does little now and then, is left alone', () => {
  expect(givenBack(100, ...quiet(1000))).toEqual([])
  expect(
    givenBack(
      0,
      ...Array(20)
        .fill([30, ...quiet(20)])
        .flat()
        .slice(0, 180),
    ),
  ).toEqual([])
})
