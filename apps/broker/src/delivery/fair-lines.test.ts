import { expect, test } from 'vitest'
import type { PushSocket } from './attachment.ts'
import { FairLines } from './fair-lines.ts'

const MIB = 1 << 20
const socket = {} as PushSocket
const waiting = (n: number, bytes: number, { by = socket, at = 0, recipients = 1 } = {}) => ({
  n,
  bytes,
  answer: { socket: by },
  item: { to: Array(recipients) },
  arrived: at,
})

test('a commit takes 2 MiB of large envelopes, one that is larger by itself, and what is left in its order', () => {
  const lines = new FairLines<ReturnType<typeof waiting>>()
  for (const [n, bytes] of [MIB, MIB, MIB / 2, 3 * MIB, MIB / 4].entries()) lines.add(waiting(n, bytes))
  const taken = Array.from({ length: 5 }, () => lines.take(512).map(({ n }) => n))
  expect(taken).toEqual([[0, 1], [2], [3], [4], []])
})

test('of one socket a commit takes 64 envelopes, of all others as many, and each line goes on where it was', () => {
  const lines = new FairLines<ReturnType<typeof waiting>>()
  for (let n = 0; n < 150; n++) lines.add(waiting(n, 1))
  lines.add(waiting(1000, 1, { by: {} as PushSocket }))
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
  const taken = Array.from({ length: 4 }, () => lines.take(512).map(({ n }) => n))
  expect(taken).toEqual([
    [...numbers(0, 32), 1000, ...numbers(32, 64)],
    numbers(64, 128),
    numbers(128, 150),
    [],
  ])
})

test('letters to a hundred go one a commit beside the mail of others, and as many as fit once nobody else sent any for a second', () => {
  const lines = new FairLines<ReturnType<typeof waiting>>()
  const letters = (from: number, at: number) => {
    for (let n = from; n < from + 6; n++) lines.add(waiting(n, 1, { at, recipients: 100 }))
  }
  const take = () => lines.take(512).map(({ n }) => n)
  lines.add(waiting(1000, 1, { by: {} as PushSocket, at: 0 }))
  letters(0, 999)
  expect(take()).toEqual([1000, 0])
  expect(take()).toEqual([1])
  letters(6, 1999)
  expect(take()).toEqual([2, 3, 4, 5, 6])
})
