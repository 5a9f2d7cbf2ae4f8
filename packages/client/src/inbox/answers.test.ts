import { expect, test } from 'vitest'
import { AnswerPace } from './answers.ts'

const HOUR = 3_600_000

test('answers go out at once, then 6 s later, then at doubled distances up to an hour; what is asked meanwhile shares them', () => {
  const pace = new AnswerPace()
  const sent = new Set<number>()
  // Something of theirs does not open every second, for a day.
  for (let now = 0; now < 24 * HOUR; now += 1_000) sent.add(pace.dueAt('mallory', now))
  const at = [...sent]
  expect(at.slice(0, 5)).toEqual([0, 6_000, 18_000, 42_000, 90_000])
  const gaps = at.slice(1).map((time, i) => time - at[i]!)
  expect(Math.max(...gaps)).toBe(HOUR)
  expect(gaps.slice(-10)).toEqual(Array(10).fill(HOUR))
  expect(at.length).toBeLessThan(36)
})

test('nobody else waits for it, and what opens ends it', () => {
  const pace = new AnswerPace()
  for (let now = 0; now < HOUR; now += 1_000) pace.dueAt('mallory', now)
  expect(pace.dueAt('bob', HOUR)).toBe(HOUR)
  expect(pace.dueAt('mallory', HOUR)).toBeGreaterThan(HOUR + 60_000)
  pace.opened('mallory')
  expect(pace.dueAt('mallory', HOUR)).toBe(HOUR)
})

test('an answer is never late by more than its distance, however long nothing was asked', () => {
  const pace = new AnswerPace()
  for (const now of [0, 10, 20_000, 21_000, 10 * HOUR]) {
    const due = pace.dueAt('mallory', now)
    expect(due - now).toBeLessThanOrEqual(HOUR)
    expect(due).toBeGreaterThanOrEqual(now)
  }
})
