import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Crash } from './memory-table.ts'
import {
  couple,
  type Machine,
  online,
  person,
  startWorld,
  text,
  textOf,
  type World,
  whenever,
} from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

interface Killer {
  /** Resolves when no restart is under way. */
  restarted(): Promise<void>
  /** Kills no more; resolves when the last restart is online. */
  settle(): Promise<void>
  readonly kills: number
  readonly done: boolean
}

/** Kills the machine's process at a commit some way on, and starts it again on the same store, for as long as there are steps. */
function killAgainAndAgain(one: Machine, steps: readonly { commits: number; after: boolean }[]): Killer {
  let restarting: Promise<void> = Promise.resolve()
  let stopped = false
  const killer = {
    kills: 0,
    get done() {
      return killer.kills === steps.length
    },
    restarted: () => restarting,
    async settle() {
      stopped = true
      one.store.crashAt(Number.MAX_SAFE_INTEGER, 'after', () => {})
      await restarting
    },
  }
  const restart = async (): Promise<void> => {
    await one.client.stop()
    one.store.revive()
    await one.start()
    await online(one.client)
    plan()
  }
  const plan = (): void => {
    const step = steps[killer.kills]
    if (!step || stopped) return
    one.store.crashAt(step.commits, step.after ? 'after' : 'before', () => {
      killer.kills++
      restarting = restart()
    })
  }
  plan()
  return killer
}

const steps = fc.array(fc.record({ commits: fc.integer({ min: 1, max: 12 }), after: fc.boolean() }), {
  minLength: 3,
  maxLength: 8,
})

test('whatever instant either process is killed at: all that stood in the outbox arrives, once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, async (forAlice, forBob) => {
      const { alice, bob } = await couple(world)
      const killers = [killAgainAndAgain(alice, forAlice), killAgainAndAgain(bob, forBob)]
      const sendFive = async (): Promise<void> => {
        for (let i = 0; i < 5; i++)
          try {
            await alice.client.send(text(null, [person(bob)], crypto.randomUUID()))
          } catch (error) {
            if (!(error instanceof Crash)) throw error
          }
      }
      const written = () => alice.client.outbox({}).reverse()
      const delivered = () => written().every(one => one.recipients.every(to => to.state === 'delivered'))
      for (let round = 0; round < 300 && killers.some(killer => !killer.done); round++) {
        await sendFive()
        await Promise.all(killers.map(killer => killer.restarted()))
        await whenever(alice, delivered)
      }
      for (const killer of killers) await killer.settle()
      await sendFive()
      await whenever(alice, delivered)
      const order = written().map(one => one.msg)
      expect(killers.map(killer => killer.kills)).toEqual([forAlice.length, forBob.length])
      const got = bob.client.inbox({ uuid: null })
      expect(got.map(one => one.msg)).toEqual(order)
      expect(new Set(got.map(textOf)).size).toBe(order.length)
      expect(got.some(one => one.late || one.gap)).toBe(false)
      await alice.client.stop()
      await bob.client.stop()
    }),
    { numRuns: 5, endOnFailure: true },
  )
}, 120_000)
