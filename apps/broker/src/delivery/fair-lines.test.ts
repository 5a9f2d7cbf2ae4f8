import { expect, test } from 'vitest'
import type { PushSocket } from './attachment.ts'
import { FairLines } from './fair-lines.ts'

const MIB = 1 << 20
const socket = {} as PushSocket
const waiting = (n: number, bytes: number) => ({ n, bytes, answer: { socket }, item: { to: [n] } })

test('a commit takes 2 MiB of large envelopes, one that is larger by itself, and what is left in its order', () => {
  const lines = new FairLines<ReturnType<typeof waiting>>()
  for (const [n, bytes] of [MIB, MIB, MIB / 2, 3 * MIB, MIB / 4].entries()) lines.add(waiting(n, bytes))
  const taken = Array.from({ length: 5 }, () => lines.take(512).map(({ n }) => n))
  expect(taken).toEqual([[0, 1], [2], [3], [4], []])
})

test('of one socket a commit takes 64 envelopes, of all others as many, and each line goes on where it was', () => {
  const lines = new FairLines<ReturnType<typeof waiting>>()
  const quiet = { n: 1000, bytes: 1, answer: { socket: {} as PushSocket }, item: { to: [0] } }
  for (let n = 0; n < 150; n++) lines.add(waiting(n, 1))
  lines.add(quiet)
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
  const taken = Array.from({ length: 4 }, () => lines.take(512).map(({ n }) => n))
  expect(taken).toEqual([
    [...numbers(0, 32), 1000, ...numbers(32, 64)],
    numbers(64, 128),
    numbers(128, 150),
    [],
  ])
})
