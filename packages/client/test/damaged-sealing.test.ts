/** Sealed bytes that lie damaged in the store hold back nothing: their message is sealed again, and what comes behind it goes out. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Crash } from './memory-table.ts'
import { couple, online, person, reached, received, startWorld, text, textOf, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world?.stop())

test('a message whose stored envelope cannot be read goes out anew, once, and in its order', async () => {
  const { alice, bob } = await couple(world)
  const say = (body: string) => alice.client.send(text(null, [person(bob)], body))
  await reached(alice.client, await say('one'), 'delivered')
  // The process dies when the next message was written and sealed, and not yet sent.
  const died = new Promise<void>(resolve => alice.store.crashAt(1, 'after', resolve))
  await expect(say('two')).rejects.toThrow(Crash)
  await died
  await alice.client.stop()
  alice.store.revive()
  const [sealed, ...others] = alice.store.outbox.unaccepted('')
  const { msg: two } = sealed!
  expect([alice.store.outbox.message(two)?.payload, others]).toEqual([expect.stringContaining('two'), []])
  alice.store.outbox.updateSealing({ ...sealed!, bytes: sealed!.bytes!.slice(0, -1) })

  await alice.start()
  await online(alice.client)
  const three = await say('three')
  await received(bob.client, null, 3)
  expect(bob.client.inbox({ uuid: null }).map(textOf)).toEqual(['one', 'two', 'three'])
  for (const msg of [two, three]) await reached(alice.client, msg, 'delivered')
  expect(alice.client.trace(two).map(({ state, why }) => [state, why])).toContainEqual(['pending', 'damaged'])
  expect(alice.store.outbox.sealing(sealed!.id)).toMatchObject({ state: 'void', bytes: null })
  await Promise.all([alice, bob].map(({ client }) => client.stop()))
})
