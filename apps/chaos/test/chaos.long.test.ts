import { expect, test } from 'vitest'
import { run } from '../src/run.ts'

const RUNS = Number(process.env.RUNS ?? 200)
const SECONDS = Number(process.env.SECONDS ?? 30)

test(
  'real brokers, daemons and Postgres killed, stopped and cut off break no promise',
  async () => {
    const first = Number(process.env.SEED ?? Date.now() % 1_000_000)
    console.info(`SEED=${first}`)
    const failed: string[] = []
    for (let seed = first; seed < first + RUNS; seed++) {
      const { broken } = await run(seed, { seconds: SECONDS })
      for (const { promise, what } of broken) failed.push(`SEED=${seed} ${promise}: ${what}`)
    }
    expect(failed).toEqual([])
  },
  RUNS * (SECONDS + 660) * 1000,
)
