import { expect, test } from 'vitest'
import type { KillOutcome } from './kill-run.ts'
import { brokenPromises } from './promises.ts'

const kept: KillOutcome = {
  confirmed: ['message 0', 'message 2', 'message 3'],
  uncertain: new Set(['message 1']),
  received: ['message 0', 'message 2', 'message 3'],
  states: { delivered: 3 },
  kills: 4,
}
const broken = (change: Partial<KillOutcome>) => brokenPromises({ ...kept, ...change })

test('a run that kept its word breaks no promise, whether or not an uncertain message came', () => {
  expect(broken({})).toEqual([])
  expect(broken({ received: ['message 0', 'message 1', 'message 2', 'message 3'] })).toEqual([])
})

test('what is lost, shown twice, out of order, invented or not told as delivered is found', () => {
  expect(broken({ received: ['message 0', 'message 3'] })).toEqual(['message 2 was confirmed and lost'])
  expect(broken({ received: ['message 0', 'message 2', 'message 2', 'message 3'] })).toEqual([
    'message 2 was shown 2 times',
  ])
  expect(broken({ received: ['message 0', 'message 3', 'message 2'] })).toEqual([
    'message 2 was shown after message 3',
  ])
  expect(broken({ received: [...kept.received, 'message 9'] })).toEqual(['message 9 was never written'])
  expect(broken({ states: { delivered: 2, accepted: 1 } })).toHaveLength(1)
})
