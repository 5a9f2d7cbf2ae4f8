import type { PresenceStatus, Priority } from '@claudemesh/protocol'
import { describe, expect, test } from 'vitest'
import { gate, type Standing } from './gate.ts'

const standing = (change: Partial<Standing> = {}): Standing => ({
  isOpen: true,
  isPaused: false,
  isMeshPaused: false,
  isTwice: false,
  mode: 'push',
  status: 'idle',
  waitingFor: '',
  ...change,
})
const PRIORITIES = ['now', 'next', 'low'] as const
const said = (priority: Priority, change: Partial<Standing>): string => {
  const verdict = gate(priority, standing(change))
  return typeof verdict === 'string' ? verdict : `held ${verdict.held}`
}

describe('a message of each priority for a session that is', () => {
  test.each<[PresenceStatus, [now: string, next: string, low: string]]>([
    ['idle', ['give', 'give', 'give']],
    ['unknown', ['give', 'give', 'give']],
    ['working', ['give', 'give', 'wait']],
    ['waiting', Array(3).fill('held waiting for its user') as [string, string, string]],
    ['dnd', ['give', 'held dnd', 'held dnd']],
    ['closed', ['held closed', 'held closed', 'held closed']],
  ])('%s: %j', (status, verdicts) => {
    expect(PRIORITIES.map(priority => said(priority, { status }))).toEqual(verdicts)
  })

  test.each(PRIORITIES)('at a dialog, with priority %s: held, and for what', priority => {
    const at = (waitingFor: string) => said(priority, { status: 'waiting', waitingFor })
    expect(at('permission prompt')).toBe('held waiting for permission')
    expect(at('dialog open')).toBe('held waiting for its user')
  })
})

describe.each(PRIORITIES)('with priority %s', priority => {
  test.each<PresenceStatus>(['idle', 'working', 'waiting', 'dnd', 'unknown'])(
    'and status %s, what is shut stays shut',
    status => {
      expect(said(priority, { status, mode: 'inbox' })).toBe('held mode')
      expect(said(priority, { status, mode: 'off' })).toBe('held mode')
      expect(said(priority, { status, mode: 'off', isPaused: true })).toBe('held paused')
      expect(said(priority, { status, mode: 'off', isMeshPaused: true })).toBe('held mesh-paused')
      expect(said(priority, { status, isMeshPaused: true, isPaused: true })).toBe('held paused')
      expect(said(priority, { status, isPaused: true, isOpen: false })).toBe('held closed')
      expect(said(priority, { status, isTwice: true })).toBe('held two-processes')
      expect(said(priority, { status, isTwice: true, mode: 'off' })).toBe('held mode')
    },
  )
})
