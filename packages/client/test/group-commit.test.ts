/** What a turn brings is one write to the disk: nobody hears of a part before all of it stands, and what fails takes nothing else along. */
import { expect, test } from 'vitest'
import { makeCommit } from '../src/commit.ts'
import { GroupCommit } from '../src/group-commit.ts'
import { memoryStore } from './memory-store.ts'
import { Crash } from './memory-table.ts'

function grouped() {
  const store = memoryStore()
  const turns: (() => void)[] = []
  const rests: (() => void)[] = []
  const commit = makeCommit(store, () => {})
  const group = new GroupCommit(commit, {
    turn: work => turns.push(work),
    schedule: (_ms, work) => {
      rests.push(work)
      return () => {}
    },
  })
  const set = (name: string, value: number) => () => {
    store.counters.set(name, value)
    return value
  }
  /** The turn ends. */
  const turn = () => {
    for (const work of turns.splice(0)) work()
  }
  /** Ten milliseconds pass. */
  const rest = () => {
    for (const work of rests.splice(0)) work()
  }
  return { store, group, commit, set, turn, turns, rest }
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

test('what is aside is in nobody’s way: it is written behind a write of the same turn, not with it', async () => {
  const { store, group, set, turn } = grouped()
  const aside = group.aside(set('aside', 1))
  const soon = group.soon(set('soon', 1))
  turn()
  expect([await soon, store.commits, store.counters.get('aside')]).toEqual([1, 1, 0])
  // Another one does not hold it back for ever.
  const next = group.soon(set('soon', 2))
  turn()
  expect([await Promise.all([aside, next]), store.commits]).toEqual([[1, 2], 3])
})

test('what comes aside within ten milliseconds is one commit, in order, the last one behind them', async () => {
  const { store, group, turn, turns, rest } = grouped()
  const order: number[] = []
  const first = group.aside(() => order.push(0))
  turn()
  await first
  const last = { work: () => order.push(-1), done: () => order.push(-2), failed: () => {} }
  const all = [1, 2, 3].map(i => {
    group.lastAside(last)
    return group.aside(() => order.push(i))
  })
  expect(turns).toEqual([])
  rest()
  turn()
  await Promise.all(all)
  expect([store.commits, order]).toEqual([2, [0, 1, 2, 3, -1, -2]])
})

test('a crowd takes along what is aside, before its own', async () => {
  const { store, group, turn } = grouped()
  const order: string[] = []
  const all = ['a', 'b', 'c', 'd'].map(name => group.soon(() => order.push(name)))
  all.push(group.aside(() => order.push('aside')))
  turn()
  await Promise.all(all)
  expect([store.commits, order]).toEqual([1, ['aside', 'a', 'b', 'c', 'd']])
})

test('a work may have what is aside done first, in its own transaction: once, and anew where that fails', async () => {
  const { store, group, set, turn, rest } = grouped()
  const order: string[] = []
  await Promise.all([group.aside(set('first', 1)), turn()])
  const aside = group.aside(() => order.push('aside'))
  store.crashAt(1, 'before', () => {})
  const failed = group.soon(() => group.takeAlong())
  turn()
  await expect(failed).rejects.toBeInstanceOf(Crash)
  store.revive()
  const taken = [1, 2].map(n =>
    group.soon(() => {
      group.takeAlong()
      order.push(`taken ${n}`)
    }),
  )
  turn()
  await Promise.all([aside, ...taken])
  rest()
  turn()
  expect([store.commits, order]).toEqual([2, ['aside', 'aside', 'taken 1', 'taken 2']])
})
