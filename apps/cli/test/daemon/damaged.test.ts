/** A text that the disk damaged costs itself alone, and both ends hear of it. */
import { Database } from 'bun:sqlite'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import type { OutboxMessage } from '../../src/api/schema.ts'
import { homePaths } from '../../src/home/index.ts'
import { type Machine, pair } from './world.ts'

afterAll(stopSharedPostgres)

/** One bit of the stored text of this message, of a daemon that is stopped. */
function damage(one: Machine, table: 'inbox' | 'outbox_message', msg: string): void {
  const database = new Database(homePaths(one.home).store)
  const row = database.query<{ sealed: Uint8Array }, [string]>(
    `SELECT sealed_text AS sealed FROM ${table} WHERE msg = ?`,
  )
  const { sealed } = row.get(msg)!
  const flipped = Uint8Array.from(sealed, (byte, i) => (i === sealed.length - 1 ? byte ^ 1 : byte))
  database.run(`UPDATE ${table} SET sealed_text = ? WHERE msg = ?`, [flipped, msg])
  database.close()
}

test('in a mailbox the others are read, it is said to be unreadable, and its sender is told when somebody looks', async () => {
  const { alice, bob } = await pair()
  const sent = [
    await alice.send('bob', 'one'),
    await alice.send('bob', 'two'),
    await alice.send('bob', 'three'),
  ]
  const two = sent[1]!.id
  await bob.stop()
  damage(bob, 'inbox', two)
  await bob.start()
  const state = async () => (await alice.trace(two)).at(-1)!
  const shown = async (query: Record<string, boolean>) =>
    (await bob.inbox(query)).map(({ text, warning }) => [text, warning])
  const lost = ['', "the text was damaged on this machine's disk and cannot be read"]
  const all = [['one', null], lost, ['three', null]]
  expect(await shown({ peek: true })).toEqual(all)
  expect((await state()).state).toBe('delivered')

  expect(await shown({})).toEqual(all)
  await expect.poll(async () => (await state()).state, { timeout: 30_000 }).toBe('refused')
  expect(await state()).toMatchObject({ why: 'damaged', by: 'bob', verified: true })
  for (const whole of [sent[0]!, sent[2]!])
    expect((await alice.trace(whole.id)).at(-1)!.state).toBe('delivered')
  expect(await shown({ all: true })).toEqual(all)
  await expect(alice.call('retryOutbox', { params: { id: two } })).rejects.toThrow(/its text is gone/)
})

test('in the outbox it is given up as damaged, and the others go out', async () => {
  const { server, alice, bob } = await pair()
  await alice.send('bob', 'zero')
  await server.stop()
  const ids: string[] = []
  for (const text of ['one', 'two', 'three']) ids.push((await alice.send('bob', text, { wait: 'none' })).id)
  await alice.stop()
  damage(alice, 'outbox_message', ids[0]!)
  await alice.start()
  await server.start()
  await expect
    .poll(async () => (await bob.inbox({ peek: true })).map(({ text }) => text), { timeout: 30_000 })
    .toEqual(['zero', 'two', 'three'])
  const dead = await alice.call<OutboxMessage[]>('outbox', { query: { dead: true } })
  expect(dead.map(({ id, recipients }) => [id, recipients.map(({ state, why }) => [state, why])])).toEqual([
    [ids[0], [['failed', 'damaged']]],
  ])
  await expect(alice.call('retryOutbox', { params: { id: ids[0]! } })).rejects.toThrow(
    /lies damaged on this disk/,
  )
})
