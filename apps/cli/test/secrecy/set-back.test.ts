import { recipientKey } from '@claudemesh/crypto'
import { expect, test, vi } from 'vitest'
import { type Machine, meshOf, text } from './machines.ts'
import { TurnedClock } from './turned-clock.ts'

const HOUR = 3_600_000
// Hours of a turned clock are minutes of a busy machine.
vi.setConfig({ testTimeout: 600_000 })

/** Alice's home of eight o'clock, and what she sent from it until nine. */
async function copiedAtEight() {
  const clock = new TurnedClock(Date.UTC(2026, 10, 21, 7))
  const mesh = meshOf(2, clock)
  const [alice, bob] = mesh.machines as [Machine, Machine]
  await alice.connect()
  await bob.connect()
  const say = async (from: Machine, words: string) => {
    await from.client.send(text(from, bob.session, words))
    await clock.to(clock.now() + 1_000)
  }
  await say(alice, 'one')
  await clock.to(clock.now() + HOUR)
  const copy = alice.copyDisk()
  await say(alice, 'two')
  await clock.to(clock.now() + HOUR)
  await say(alice, 'three')
  await alice.disconnect()
  const shown = () =>
    bob.client
      .inbox({ uuid: bob.uuid })
      .map(
        ({ payload, late, gap }) =>
          `${(payload as { text: string }).text}${late ? ', late' : ''}${gap ? ', gap' : ''}`,
      )
  return { clock, mesh, alice, bob, copy, say, shown }
}

test('a home restored from a copy begins a new line: what it sends stands in its order, and the person is told', async () => {
  const { alice, copy, say, shown, clock } = await copiedAtEight()
  const restored = alice.restored(copy)
  const before = restored.store.settings.get('line')
  await restored.connect()
  expect(restored.client.view().problems.map(one => one.code)).toContain('set-back')
  expect(restored.store.settings.get('line')).not.toBe(before)
  await say(restored, 'four')
  await say(restored, 'five')
  await clock.to(clock.now() + 2 * HOUR)
  expect(shown()).toEqual(['one', 'two', 'three', 'four', 'five'])
  expect(restored.client.outbox({}).every(one => one.recipients[0]?.state === 'delivered')).toBe(true)
  await restored.disconnect()
  // It is not taken for set back a second time.
  const line = restored.store.settings.get('line')
  const again = restored.restored(restored.home)
  await again.connect()
  expect(again.client.view().problems).toEqual([])
  expect(again.store.settings.get('line')).toBe(line)
})

test('where the broker hides it, what the restored home sends is late at worst, and none of it lost', async () => {
  const { mesh, alice, copy, say, shown } = await copiedAtEight()
  const restored = alice.restored(copy)
  for (const who of [restored.session, restored.person]) mesh.relay.hides.add(recipientKey(who))
  await restored.connect()
  expect(restored.client.view().problems.map(one => one.code)).not.toContain('set-back')
  await say(restored, 'four')
  await say(restored, 'five')
  await say(restored, 'six')
  expect(shown()).toEqual(['one', 'two', 'three', 'four, late', 'five, late', 'six'])
})
