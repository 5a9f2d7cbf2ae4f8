import type { Broken } from '@claudemesh/simulation'
import { expect, test } from 'vitest'
import { PLANTED_FAULTS } from '../src/planted-faults.ts'
import { run } from '../src/run.ts'

/** A planted fault is found within so many runs of so many seconds. */
const SEARCHED = 10
const SECONDS = 20
/** What is lost is open for ever: nobody waits for it as long as for what may come. */
const PATIENCE_MS = 5000

const CLASSES: Record<keyof typeof PLANTED_FAULTS, Broken['promise'][]> = {
  'ack before commit': ['false-word'],
  'order by time': ['order'],
  'dedupe off': ['duplicate'],
  'receipt before storing': ['false-word'],
  'receipt before surfacing': ['false-word'],
}

for (const [name, fault] of Object.entries(PLANTED_FAULTS))
  test(`${name}: the checker finds it`, async () => {
    const promises = CLASSES[name as keyof typeof PLANTED_FAULTS]
    const options = { seconds: SECONDS, patienceMs: PATIENCE_MS, fault }
    for (let seed = 1; seed <= SEARCHED; seed++) {
      const { broken } = await run(seed, options)
      if (broken.some(({ promise }) => promises.includes(promise)))
        return console.info(`${name}: found in run ${seed}`)
    }
    expect.unreachable(`${SEARCHED} runs did not show it`)
  }, 1_800_000)
