import { CLOSE, MeshError } from '@claudemesh/protocol'
import { describe, expect, test } from 'vitest'
import type { Closed, Link } from './link.ts'
import { backoffMs, Reconnect } from './reconnect.ts'

/** Links that the test ends, and timers that the test rings. */
function stage(random = () => 0.5) {
  const timers: { ms: number; work: () => void }[] = []
  const dials: { up: () => void; refuse: (error: MeshError) => void; close: (closed: Closed) => void }[] = []
  const states: string[] = []
  const connection = new Reconnect({
    now: () => 0,
    random,
    log: () => {},
    schedule: (ms, work) => {
      const timer = { ms, work }
      timers.push(timer)
      return () => timers.splice(timers.indexOf(timer), 1)
    },
    dial: () =>
      new Promise((resolve, reject) => {
        let close: (closed: Closed) => void = () => {}
        const closed = new Promise<Closed>(settle => {
          close = settle
        })
        const link = { closed, close: () => close({ code: 1000, reason: '' }) } as unknown as Link
        dials.push({ up: () => resolve(link), refuse: reject, close: how => close(how) })
      }),
    onUp: async () => {},
    onDown: () => {},
    onTime: () => {},
    onState: (state, why) => states.push(why ? `${state} ${why.code}` : state),
  })
  const settled = () => new Promise<void>(resolve => setImmediate(resolve))
  return { connection, timers, dials, states, settled }
}

describe('reconnect', () => {
  test('waits anything from nothing to a bound that doubles up to 30 s', () => {
    expect([0, 1, 2, 20].map(attempt => backoffMs(attempt, () => 0.999_999))).toEqual(
      [500, 1_000, 2_000, 30_000].map(ms => expect.closeTo(ms, 0)),
    )
    expect(backoffMs(9, () => 0)).toBe(0)
  })

  test('dials again after a loss, and at once begins anew after it was online', async () => {
    const { connection, timers, dials, states, settled } = stage()
    connection.start()
    dials[0]!.refuse(new MeshError('unreachable', 'no'))
    await settled()
    expect(timers.map(timer => timer.ms)).toEqual([250])
    timers.shift()!.work()
    dials[1]!.up()
    await settled()
    expect(connection.state).toBe('online')
    dials[1]!.close({ code: 1006, reason: '' })
    await settled()
    expect(timers.map(timer => timer.ms)).toEqual([250])
    expect(states).toEqual([
      'connecting',
      'offline unreachable',
      'connecting unreachable',
      'online',
      'offline unreachable',
    ])
  })

  test('comes back no sooner than it was asked to', async () => {
    const { connection, timers, dials, settled } = stage()
    connection.start()
    dials[0]!.refuse(new MeshError('rate', 'slower', { retryAfterMs: 9_000 }))
    await settled()
    expect(timers.map(timer => timer.ms)).toEqual([9_000])
  })

  test('comes back within ten minutes however long it was asked to stay away', async () => {
    const { connection, timers, dials, settled } = stage()
    connection.start()
    dials[0]!.refuse(new MeshError('rate', 'never', { retryAfterMs: 8_640_000_000_000_000 }))
    await settled()
    timers.shift()!.work()
    connection.draining(8_640_000_000_000_000)
    dials[1]!.refuse(new MeshError('draining', 'never'))
    await settled()
    expect([connection.state, timers.map(timer => timer.ms)]).toEqual(['offline', [600_000]])
  })

  test('says what could not be read of a link that it ended itself', async () => {
    const { connection, dials, settled } = stage()
    connection.start()
    dials[0]!.up()
    await settled()
    dials[0]!.close({ code: 1000, reason: '', why: new MeshError('bad-frame', 'not a frame') })
    await settled()
    expect(connection.why?.code).toBe('bad-frame')
  })

  test('stays away for good when removed, replaced, or shown another truth', async () => {
    for (const [closed, state] of [
      [CLOSE.removed, 'removed'],
      [CLOSE.replaced, 'stopped'],
    ] as const) {
      const { connection, timers, dials, settled } = stage()
      connection.start()
      dials[0]!.up()
      await settled()
      dials[0]!.close(closed)
      await settled()
      expect([connection.state, timers.length]).toEqual([state, 0])
    }
    const { connection, dials, settled } = stage()
    connection.start()
    dials[0]!.refuse(new MeshError('integrity', 'another roster'))
    await settled()
    expect([connection.state, connection.why?.code]).toEqual(['stopped', 'integrity'])
  })
})
