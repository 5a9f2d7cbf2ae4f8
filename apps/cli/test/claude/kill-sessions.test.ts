import { describe, expect, test } from 'vitest'
import { sessionKillRun } from './kill-sessions.ts'
import { brokenSessionPromises } from './session-promises.ts'
import { claude, twoPeople } from './two-people.ts'

describe.skipIf(claude === undefined)('kill -9 of claude, daemons and broker', { timeout: 400_000 }, () => {
  const world = twoPeople()
  test('20 times while six sessions write to each other: every message is surfaced once, and told of truly', async () => {
    const outcome = await sessionKillRun(world, { messages: 60, kills: 20, seed: 7 })
    expect(brokenSessionPromises(outcome)).toEqual([])
    const { killed } = outcome
    for (const times of Object.values(killed)) expect(times).toBeGreaterThan(0)
    expect(killed.claude + killed.daemon + killed.broker).toBe(20)
    expect(outcome.taken.length + outcome.uncertain).toBe(60)
  })
})
