import { expect, test, vi } from 'vitest'
import { type Machine, meshOf, text } from './machines.ts'
import { thiefOn } from './thief.ts'
import { TurnedClock } from './turned-clock.ts'

const HOUR = 3_600_000
// Hours of a turned clock are minutes of a busy machine.
vi.setConfig({ testTimeout: 600_000 })

const textsIn = (all: readonly { payload: unknown }[]) =>
  all.map(({ payload }) => (payload as { text: string } | null)?.text ?? null)

test('a stolen disk gives away what was read within the retention, and what nobody has read, and nothing else', async () => {
  const clock = new TurnedClock(Date.UTC(2026, 10, 21, 6))
  const { machines, seed } = meshOf(2, clock)
  const [alice, bob] = machines as [Machine, Machine]
  await alice.connect()
  await bob.connect()
  alice.client.setRetention(2 * HOUR)
  const say = async (words: string) => {
    await bob.client.send(text(bob, alice.session, words))
    await clock.to(clock.now() + 1_000)
  }
  const read = () => {
    const fresh = alice.client.inbox({ uuid: alice.uuid, states: ['unread'] })
    alice.client.markRead(
      alice.uuid,
      fresh.map(one => one.msg),
    )
  }
  const stolen = () => textsIn(thiefOn(alice.copyDisk(), seed).inbox({ uuid: alice.uuid }))
  await say('read at six')
  read()
  await say('never read')
  await clock.to(clock.now() + HOUR)
  expect(stolen()).toEqual(['read at six', 'never read'])
  await clock.to(clock.now() + 2 * HOUR)
  await say('read at nine')
  const [six, , nine] = alice.client.inbox({ uuid: alice.uuid })
  alice.client.markRead(alice.uuid, [nine!.msg])
  expect(stolen()).toEqual([null, 'never read', 'read at nine'])
  expect(textsIn(alice.client.inbox({ uuid: alice.uuid }))).toEqual([null, 'never read', 'read at nine'])
  // The row stays: the same message cannot be shown a second time.
  expect(alice.client.inbox({ uuid: alice.uuid })[0]?.msg).toBe(six!.msg)
  read()
  await clock.to(clock.now() + 3 * HOUR)
  expect(stolen()).toEqual([null, null, null])
})

test('a shorter retention counts at once, for what is there', async () => {
  const clock = new TurnedClock(Date.UTC(2026, 10, 21, 6))
  const { machines } = meshOf(2, clock)
  const [alice, bob] = machines as [Machine, Machine]
  await alice.connect()
  await bob.connect()
  await bob.client.send(text(bob, alice.person, 'old'))
  await clock.to(clock.now() + 1_000)
  const [old] = alice.client.inbox({ uuid: null })
  alice.client.markRead(null, [old!.msg])
  await clock.to(clock.now() + 3 * HOUR)
  expect(alice.client.retentionMs).toBe(30 * 24 * HOUR)
  expect(textsIn(alice.client.inbox({ uuid: null }))).toEqual(['old'])
  alice.client.setRetention(HOUR)
  expect(textsIn(alice.client.inbox({ uuid: null }))).toEqual([null])
  for (const ms of [HOUR - 1, 3_650 * 24 * HOUR + 1, Number.NaN, 1.5 * HOUR + 0.5])
    expect(() => alice.client.setRetention(ms)).toThrow(expect.objectContaining({ code: 'usage' }))
  expect(alice.client.retentionMs).toBe(HOUR)
})
