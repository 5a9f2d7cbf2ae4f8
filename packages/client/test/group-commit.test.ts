/** What a turn brings is one write to the disk: nobody hears of a part before all of it stands, and what fails takes nothing else along. */
import { expect, test } from 'vitest'
import { makeCommit } from '../src/commit.ts'
import { GroupCommit } from '../src/group-commit.ts'
import { memoryStore } from './memory-store.ts'
import { Crash } from './memory-table.ts'

function grouped() {
  const store = memoryStore()
  const turns: (() => void)[] = []
  const group = new GroupCommit(
    makeCommit(store, () => {}),
    work => turns.push(work),
  )
  const set = (name: string, value: number) => () => {
    store.counters.set(name, value)
    return value
  }
  /** The turn ends. */
  const turn = () => {
    for (const work of turns.splice(0)) work()
  }
  return { store, group, set, turn, turns }
}

test('sixty-four works of one turn are one commit, in the order they were asked for, the last one behind them', async () => {
  const { store, group, turn, turns } = grouped()
  const order: number[] = []
  const last = { work: () => order.push(-1), done: () => order.push(-2), failed: () => {} }
  const all = Array.from({ length: 64 }, (_, i) => {
    group.last(last)
    return group.soon(() => order.push(i))
  })
  expect(turns).toHaveLength(1)
  expect(order).toEqual([])
  turn()
  expect(store.commits).toBe(1)
  expect(order).toEqual([...Array(64).keys(), -1, -2])
  await Promise.all(all)
  turn()
  expect(store.commits).toBe(1)
})

test('one that throws is told so, and undone alone', async () => {
  const { store, group, set, turn } = grouped()
  const settled = Promise.allSettled([
    group.soon(set('a', 1)),
    group.soon(() => {
      set('b', 2)()
      throw new Error('not this one')
    }),
    group.soon(set('c', 3)),
  ])
  const failures: unknown[] = []
  group.last({ work: set('d', 4), done: () => {}, failed: error => failures.push(error) })
  turn()
  expect((await settled).map(one => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(['a', 'b', 'c', 'd'].map(store.counters.get)).toEqual([1, 0, 3, 4])
  expect(failures).toEqual([])
})

test('nobody is told of what the disk did not take', async () => {
  const { store, group, set, turn } = grouped()
  store.crashAt(1, 'before', () => {})
  const settled = Promise.allSettled([group.soon(set('a', 1)), group.soon(set('b', 2))])
  const told: string[] = []
  group.last({ work: set('c', 3), done: () => told.push('done'), failed: () => told.push('failed') })
  turn()
  for (const one of await settled)
    expect(one).toMatchObject({ status: 'rejected', reason: expect.any(Crash) })
  expect(told).toEqual(['failed'])
  store.revive()
  expect(['a', 'b', 'c'].map(store.counters.get)).toEqual([0, 0, 0])
})

test('what is asked for while the works of a turn run waits for the next one', async () => {
  const { store, group, set, turn } = grouped()
  let second: Promise<number> | undefined
  const first = group.soon(() => {
    second = group.soon(set('later', 2))
    return set('now', 1)()
  })
  turn()
  expect([await first, store.commits, store.counters.get('later')]).toEqual([1, 1, 0])
  turn()
  expect([await second, store.commits, store.counters.get('later')]).toEqual([2, 2, 2])
})
