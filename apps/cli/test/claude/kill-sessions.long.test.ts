import { describe, expect, test } from 'vitest'
import { sessionKillRun } from './kill-sessions.ts'
import { brokenSessionPromises } from './session-promises.ts'
import { claude, twoPeople } from './two-people.ts'

describe.skipIf(claude === undefined)('kill -9 of claude, daemons and broker', () => {
  const world = twoPeople()
  test('200 times while 1,000 messages flow between six sessions', async () => {
    const seed = Number(process.env.CLAUDEMESH_SEED ?? Date.now() % 1_000_000)
    console.info(`seed ${seed}`)
    const outcome = await sessionKillRun(world, { messages: 1000, kills: 200, seed })
    const given = [...outcome.given.values()]
    console.info({
      taken: outcome.taken.length,
      uncertain: outcome.uncertain,
      killed: outcome.killed,
      givenOnce: given.filter(({ plain, again }) => plain === 1 && again === 0).length,
      givenAgainAndSaidSo: given.filter(({ again }) => again > 0).length,
      givenTwiceUnsaid: given.filter(({ plain }) => plain > 1).length,
    })
    expect(brokenSessionPromises(outcome)).toEqual([])
  })
})
