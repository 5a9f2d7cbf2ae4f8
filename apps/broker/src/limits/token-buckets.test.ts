import { expect, test } from 'vitest'
import { tokenBuckets } from './token-buckets.ts'

test('a bucket gives its burst, then its rate, and says when to come again', () => {
  const buckets = tokenBuckets(10, 5)
  for (let i = 0; i < 5; i++) expect(buckets.take('a', 1, 0)).toBe(0)
  expect(buckets.take('a', 1, 0)).toBe(100)
  expect(buckets.take('a', 1, 99)).toBeGreaterThan(0)
  expect(buckets.take('a', 1, 100)).toBe(0)
  expect(buckets.take('b', 5, 100)).toBe(0)
})

test('a refused take costs nothing', () => {
  const buckets = tokenBuckets(10, 5)
  buckets.take('a', 4, 0)
  for (let i = 0; i < 100; i++) expect(buckets.take('a', 3, 0)).toBeGreaterThan(0)
  expect(buckets.take('a', 1, 0)).toBe(0)
})

test('a cost above the burst is taken from a full bucket and paid off later', () => {
  const buckets = tokenBuckets(10, 5)
  expect(buckets.take('a', 25, 0)).toBe(0)
  expect(buckets.take('a', 1, 1900)).toBeGreaterThan(0)
  expect(buckets.take('a', 1, 2100)).toBe(0)
})

test('full buckets are forgotten, a clock that goes back gives nothing', () => {
  const buckets = tokenBuckets(10, 5)
  buckets.take('a', 5, 1000)
  expect(buckets.take('a', 1, 0)).toBeGreaterThan(0)
  buckets.sweep(10_000)
  expect(buckets.size).toBe(0)
})

test('a rate of 0 is no limit and no memory', () => {
  const buckets = tokenBuckets(0, 1)
  for (let i = 0; i < 1000; i++) expect(buckets.take(String(i), 9, 0)).toBe(0)
  expect(buckets.size).toBe(0)
})
