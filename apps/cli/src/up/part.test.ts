import { expect, test } from 'vitest'
import { keep, type Life } from './part.ts'

interface Made extends Life {
  end(how: string): void
  stopped: boolean
}

/** Lives that end when the test says so; `next` resolves when one more has started. */
function nursery() {
  const lives: Made[] = []
  let born = Promise.withResolvers<Made>()
  return {
    lives,
    next: () => born.promise,
    start: async () => {
      const { promise: ended, resolve } = Promise.withResolvers<string>()
      const life: Made = {
        ended,
        end: resolve,
        stopped: false,
        stop: async () => {
          life.stopped = true
          resolve('told')
        },
        kill: () => resolve('SIGKILL'),
      }
      lives.push(life)
      const waiting = born
      born = Promise.withResolvers()
      waiting.resolve(life)
      return life
    },
  }
}

test('what ends by itself is started again, and it is said', async () => {
  const { lives, next, start } = nursery()
  const said: string[] = []
  const part = await keep('The broker', start, line => said.push(line))
  const second = next()
  lives[0]!.end('SIGKILL')
  await second
  expect(said).toEqual(['The broker ended (SIGKILL); starting it again'])
  await part.stop()
  expect(lives.map(life => life.stopped)).toEqual([false, true])
})

test('what is stopped stays stopped', async () => {
  const { lives, start } = nursery()
  const part = await keep('It', start, () => expect.unreachable())
  await part.stop()
  expect(lives).toHaveLength(1)
})

test('stopped while it starts again, the new one is stopped too', async () => {
  const { lives, next, start } = nursery()
  const gate = Promise.withResolvers<void>()
  let starts = 0
  const part = await keep(
    'It',
    async () => {
      if (++starts === 2) await gate.promise
      return start()
    },
    () => {},
  )
  lives[0]!.end('exit 1')
  const second = next()
  const stopped = part.stop()
  gate.resolve()
  await Promise.race([second, stopped])
  await stopped
  expect(lives.slice(1).every(life => life.stopped)).toBe(true)
})

test('a first start that fails is the caller’s to know', async () => {
  await expect(
    keep(
      'It',
      () => Promise.reject(new Error('no disk')),
      () => {},
    ),
  ).rejects.toThrow('no disk')
})
