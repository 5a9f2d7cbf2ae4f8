import { expect, test } from 'vitest'
import { TestClock } from '../../test/test-clock.ts'
import { openTurnstiles } from './turnstiles.ts'

const WORK_MS = 7
const MAIL_MS = 1000
const ABREAST = 4

/** A crowd of ten at the turnstile; each takes as long as the test lets it. */
function crowd() {
  const clock = new TestClock()
  const passing: (() => void)[] = []
  let mail = 0
  const { seat } = openTurnstiles(clock, () => mail)
  const all = Array.from({ length: 10 }, () =>
    seat(() => new Promise<void>(resolve => void passing.push(resolve))),
  )
  const end = async () => {
    passing.shift()?.()
    await settled()
  }
  return { clock, passing, all, end, send: () => mail++ }
}

/** All that follows from what has happened has happened. */
const settled = () => new Promise(resolve => setImmediate(resolve))

test('where no mail passes, some go abreast and nobody waits for more than those before him', async () => {
  const { passing, all, end } = crowd()
  await settled()
  expect(passing).toHaveLength(ABREAST)
  await end()
  expect(passing).toHaveLength(ABREAST)
  while (passing.length > 0) await end()
  await Promise.all(all)
})

test('beside mail one goes at a time, behind a rest as long as the one before took', async () => {
  const { clock, passing, all, end, send } = crowd()
  await settled()
  send()
  while (passing.length > 1) await end()
  clock.pass(WORK_MS)
  await end()
  expect(passing).toHaveLength(0)
  clock.turn(WORK_MS - 1)
  await settled()
  expect(passing).toHaveLength(0)
  clock.turn(1)
  await settled()
  expect(passing).toHaveLength(1)

  clock.turn(MAIL_MS)
  await end()
  expect(passing).toHaveLength(ABREAST)
  while (passing.length > 0) await end()
  await Promise.all(all)
})

test('hands of a clock that are turned meanwhile are no work', async () => {
  const { clock, passing, all, end, send } = crowd()
  await settled()
  send()
  while (passing.length > 1) await end()
  clock.turn(WORK_MS)
  send()
  while (passing.length > 0) await end()
  await Promise.all(all)
})

test('who fails is told so, and the next one passes', async () => {
  const { seat } = openTurnstiles(new TestClock(), () => 0)
  await expect(seat(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  await expect(seat(async () => 'yes')).resolves.toBe('yes')
})
