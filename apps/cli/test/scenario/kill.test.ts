import { expect, test } from 'vitest'
import { killRun } from './kill-run.ts'
import { brokenPromises } from './promises.ts'

test('kill -9 of broker, either daemon and Postgres: nothing accepted is lost or shown twice, order holds', async () => {
  const seed = Number(process.env.CLAUDEMESH_SEED ?? Date.now() % 1_000_000)
  console.info(`seed ${seed}`)
  expect(brokenPromises(await killRun({ messages: 300, killsEach: 4, seed }))).toEqual([])
}, 240_000)
