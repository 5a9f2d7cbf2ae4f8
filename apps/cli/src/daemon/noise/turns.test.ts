import { describe, expect, test } from 'vitest'
import { Turns } from './turns.ts'

const A = 'a'

describe('hops of what a session says', () => {
  test('are one more than those of what led to its turn, and none where a person began it', () => {
    const turns = new Turns()
    expect(turns.hopsOf(A)).toBe(0)
    turns.took(A, [3, 7, 2])
    expect(turns.hopsOf(A)).toBe(8)
    turns.prompted(A)
    expect([turns.hopsOf(A), turns.hopsOf(A, 9)]).toEqual([0, 0])
  })

  test('grow with what comes into the turn, and start anew with the next', () => {
    const turns = new Turns()
    turns.prompted(A)
    turns.took(A, [4])
    turns.took(A, [1])
    expect(turns.hopsOf(A)).toBe(5)
    turns.ended(A)
    // What is said between two turns belongs to the one before.
    expect(turns.hopsOf(A)).toBe(5)
    turns.took(A, [1])
    expect(turns.hopsOf(A)).toBe(2)
  })

  test('of an answer count the message that is answered, however long ago it came, up to 255', () => {
    const turns = new Turns()
    expect(turns.hopsOf(A, 4)).toBe(5)
    turns.took(A, [10])
    expect([turns.hopsOf(A, 4), turns.hopsOf(A, 20)]).toEqual([11, 21])
    expect(turns.hopsOf(A, 255)).toBe(255)
    turns.forget(A)
    expect(turns.hopsOf(A)).toBe(0)
  })
})
