import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { USUAL_LIMITS } from '../../src/api/noise-schema.ts'
import { type Machine, pair, readToken } from './world.ts'

afterAll(stopSharedPostgres)

/** However slow the machine is. */
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 })

const API = '11111111-2222-4333-8444-555555555555'
const WEB = '22222222-2222-4333-8444-555555555555'
const states = (sent: { recipients: { to: string; state: string; why: string | null }[] }) =>
  sent.recipients.map(({ to, state, why }) => `${to} ${state}${why === null ? '' : ` ${why}`}`)
const knows = (one: Machine, name: string) =>
  soon(async () => (await one.peers()).some(peer => peer.name === name)).toBe(true)
const limit = (one: Machine, limits: object) => one.call('setLimits', { body: limits })

test('what agents pass on carries its hops, and what is above a limit is refused, told and kept to be sent again', async () => {
  const { alice, bob } = await pair()
  const { tokenFile } = await alice.open(API, { name: 'api' })
  await bob.open(WEB, { name: 'web' })
  await knows(alice, 'bob/web')
  await knows(bob, 'alice/api')
  await limit(alice, { hops: 3 })
  const first = await alice.send('bob/web', 'one', { as: 'api' })
  const seen: number[] = []
  let answered = first.id
  for (const [from, to, as] of [
    [bob, 'alice/api', 'web'],
    [alice, 'bob/web', 'api'],
  ] as const) {
    const [mail] = await from.inbox({ as })
    expect(mail!.id).toBe(answered)
    seen.push(mail!.hops ?? 0)
    answered = (await from.send(to, 'pass it on', { as, replyTo: answered })).id
  }
  const [third] = await bob.inbox({ as: 'web' })
  expect([...seen, third!.hops]).toEqual([0, 1, 2])
  // Every answer stands in the thread of the first message.
  expect(third!.threadId).toBe(first.id)
  // Not marked as an answer: it is passed on all the same. Alice takes up to three.
  expect(states(await bob.send('alice/api', 'passed on', { as: 'web' }))).toEqual(['alice/api delivered'])
  const [taken] = await alice.inbox({ as: 'api' })
  expect(taken!.hops).toBe(3)
  await alice.send('bob/web', 'four', { as: 'api' })
  expect((await bob.inbox({ as: 'web' }))[0]!.hops).toBe(4)
  const over = await bob.send('alice/api', 'five', { as: 'web' })
  expect(states(over)).toEqual(['alice/api refused hops'])
  expect(await alice.inbox({ as: 'api' })).toEqual([])

  // A person's prompt in the session begins anew; a person's own message has nothing behind it.
  const token = await readToken(tokenFile)
  const prompt = { session_id: API, hook_event_name: 'UserPromptSubmit', prompt: 'now tell web' }
  await alice.call('hook', { token, body: prompt })
  await alice.send('bob/web', 'from the person', { as: 'api', replyTo: taken!.id })
  await bob.send('alice/api', 'from bob himself', { replyTo: first.id })
  expect((await bob.inbox({ as: 'web' }))[0]).not.toHaveProperty('hops')
  expect((await alice.inbox({ as: 'api' }))[0]).not.toHaveProperty('hops')

  // What was refused stands on the dead-letter list with its text, to be sent again or dropped.
  const dead = () => bob.call<{ id: string; text: string }[]>('outbox', { query: { dead: true } })
  expect(await dead()).toMatchObject([{ id: over.id, text: 'five', dead: true }])
  await limit(alice, { hops: 9 })
  const { id } = await bob.call<{ id: string }>('retryOutbox', { params: { id: over.id } })
  await soon(async () => (await alice.inbox({ as: 'api', peek: true })).map(m => [m.id, m.text])).toEqual([
    [id, 'five'],
  ])
  expect(await dead()).toEqual([])

  await fillInbox(alice, bob)
}, 120_000)

/** An inbox takes no more than it holds, of one member no more than its share, and says so. */
async function fillInbox(alice: Machine, bob: Machine): Promise<void> {
  await limit(bob, { inbox: 3, inboxMember: 2 })
  await expect(limit(bob, { inboxMember: 4 })).rejects.toThrow('cannot have more')
  await expect(limit(bob, { inbox: 0 })).rejects.toMatchObject({ field: 'inbox' })
  await expect(limit(bob, { inboxes: 1 })).rejects.toMatchObject({ field: 'inboxes' })
  const told = []
  for (const text of ['a', 'b', 'c']) told.push(...states(await alice.send('bob/web', text)))
  expect(told).toEqual(['bob/web delivered', 'bob/web delivered', 'bob/web refused full'])
  // Another mailbox of the same machine has room of its own, and what is read makes room.
  expect(states(await alice.send('bob', 'd'))).toEqual(['bob delivered'])
  expect((await bob.inbox({ as: 'web' })).map(m => m.text)).toEqual(['a', 'b', 'd'])
  await bob.stop()
  await bob.start()
  expect(await bob.call('limits')).toEqual({
    mesh: 'home',
    limits: { ...USUAL_LIMITS, inbox: 3, inboxMember: 2 },
  })
  expect(states(await alice.send('bob/web', 'e'))).toEqual(['bob/web delivered'])
  const [dead] = await alice.call<{ id: string }[]>('outbox', { query: { dead: true } })
  await alice.call('dropOutbox', { params: { id: dead!.id } })
  expect(await alice.call('outbox')).toEqual([])
}
