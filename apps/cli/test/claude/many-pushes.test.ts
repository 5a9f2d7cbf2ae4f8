import { describe, expect, test } from 'vitest'
import type { InboxMessage, TraceStep } from '../../src/api/schema.ts'
import { ask, claude, headlessOn, twoPeople } from './two-people.ts'

/** More than the client takes from one process before it drops what comes. */
const EXCHANGES = 35
/** Less than what was dropped took to be found out and given again, in a session that tells no status. */
const PATIENCE = { timeout: 60_000 }

describe.skipIf(claude === undefined)('two that answer each other at once', { timeout: 180_000 }, () => {
  const people = twoPeople()

  test('go on: no push is one too many for the client', async () => {
    const body = { loop: 1000, hops: 255, pairBurst: 1000, threadBurst: 1000 }
    for (const machine of [people.alice, people.bob]) await ask(machine, 'setLimits', { body })
    await Promise.all([headlessOn(people.alice, 'day'), headlessOn(people.bob, 'night')])
    await expect
      .poll(() => ask<object[]>(people.alice, 'peers'), PATIENCE)
      .toContainEqual(expect.objectContaining({ name: 'bob/night', online: true }))
    await ask(people.alice, 'send', { body: { as: 'day', to: ['bob/night'], text: 'BACK', wait: 'none' } })
    const mail = () => people.bob.json<InboxMessage>('inbox', '--as', 'night', '--all', '--peek')
    await expect
      .poll(async () => (await mail()).filter(({ state }) => state === 'surfaced').length, PATIENCE)
      .toBeGreaterThanOrEqual(EXCHANGES)
    for (const { id } of await mail()) {
      const steps = await ask<TraceStep[]>(people.bob, 'trace', { params: { id } })
      expect(steps.map(({ state }) => state)).not.toContain('unconfirmed')
    }
  })
})
