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
