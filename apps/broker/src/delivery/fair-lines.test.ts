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

test('of one socket a commit takes 64 envelopes, 32 beside others, and each line goes on where it was', () => {
  const lines = new FairLines<ReturnType<typeof waiting>>()
  const flood = (from: number, to: number, at: number) => {
    for (let n = from; n < to; n++) lines.add(waiting(n, 1, { at }))
  }
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
  const take = () => lines.take(512).map(({ n }) => n)
  lines.add(waiting(1000, 1, { by: {} as PushSocket, at: 0 }))
  flood(0, 90, 999)
  expect(lines.fewFlood).toBe(true)
  expect(take()).toEqual([1000, ...numbers(0, 32)])
  expect(take()).toEqual(numbers(32, 64))
  flood(90, 150, 1999)
  expect(lines.fewFlood).toBe(false)
  expect(take()).toEqual(numbers(64, 128))
  expect(take()).toEqual(numbers(128, 150))
  expect(take()).toEqual([])
})

test('four sockets that send at once are no flood beside others', () => {
  const lines = new FairLines<ReturnType<typeof waiting>>()
  const few = Array.from({ length: 4 }, (_, n) => {
    lines.add(waiting(n, 1, { by: {} as PushSocket }))
    return lines.fewFlood
  })
  // The first has nobody beside it yet.
  expect(few).toEqual([false, true, true, false])
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
