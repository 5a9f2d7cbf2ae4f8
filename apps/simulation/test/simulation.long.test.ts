import { expect, test } from 'vitest'
import { simulate } from '../src/simulate.ts'

test('ten thousand histories break no promise', async () => {
  const failed: number[] = []
  for (let seed = 1; seed <= 10_000; seed++) if ((await simulate(seed)).broken.length > 0) failed.push(seed)
  expect(failed, 'SEED=… pnpm simulate').toEqual([])
}, 7_200_000)
