import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Crash } from './memory-store.ts'
import { couple, type Machine, online, person, startWorld, text, textOf, type World, when } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** Kills the machine's process at a commit some way on, and starts it again on the same store, for as long as it is told to. */
function killAgainAndAgain(
  one: Machine,
  steps: readonly { commits: number; after: boolean }[],
): () => Promise<void> {
  let restarting: Promise<void> = Promise.resolve()
  const next = (i: number): void => {
    const step = steps[i]
    if (!step) return
    one.store.crashAt(step.commits, step.after ? 'after' : 'before', () => {
      restarting = (async () => {
        await one.client.stop()
        one.store.revive()
        await one.start()
        await online(one.client)
        next(i + 1)
      })()
    })
  }
  next(0)
  return async () => {
    one.store.revive()
    await restarting
  }
}

const steps = fc.array(fc.record({ commits: fc.integer({ min: 1, max: 12 }), after: fc.boolean() }), {
  minLength: 3,
  maxLength: 8,
})

test('whatever instant either process is killed at: all that stood in the outbox arrives, once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, async (forAlice, forBob) => {
      const { alice, bob } = await couple(world)
      const settle = [killAgainAndAgain(alice, forAlice), killAgainAndAgain(bob, forBob)]
      for (let i = 0; i < 60; i++) {
        try {
          alice.client.send(text(null, [person(bob)], `number ${i}`))
        } catch (error) {
          if (!(error instanceof Crash)) throw error
        }
        await new Promise(resolve => setImmediate(resolve))
      }
      for (const settled of settle) await settled()
      const written = alice.client.outbox({}).reverse()
      const order = written.map(one => one.msg)
      expect(order.length).toBeGreaterThan(0)
      await when(bob.client, 'inbox', () => bob.client.inbox({ uuid: null }).length >= order.length)
      await when(alice.client, 'outbox', () =>
        alice.client.outbox({}).every(one => one.recipients.every(to => to.state === 'delivered')),
      )
      const got = bob.client.inbox({ uuid: null })
      expect(got.map(one => one.msg)).toEqual(order)
      expect(new Set(got.map(textOf)).size).toBe(order.length)
      expect(got.some(one => one.late || one.gap)).toBe(false)
      await alice.client.stop()
      await bob.client.stop()
    }),
    { numRuns: 6, endOnFailure: true },
  )
})
