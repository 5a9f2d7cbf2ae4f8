import { expect, test } from 'vitest'
import { killRun } from './kill-run.ts'
import { brokenPromises } from './promises.ts'

test('2,000 messages, each of broker, daemons and Postgres killed 50 times', async () => {
  const seed = Number(process.env.CLAUDEMESH_SEED ?? Date.now() % 1_000_000)
  console.info(`seed ${seed}`)
  expect(brokenPromises(await killRun({ messages: 2000, killsEach: 50, seed }))).toEqual([])
})
