import { spawn } from 'node:child_process'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { StatusReply } from '../../src/api/schema.ts'
import { admit, broker, type Machine, machine, readToken } from './world.ts'

afterAll(stopSharedPostgres)

/** However slow the machine is. */
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 })

const API = '11111111-2222-4333-8444-555555555555'
const WEB = '22222222-2222-4333-8444-555555555555'

/** A session of Claude without one: what hooks would be given stands in the answer of `hook`. */
async function claudeSession(on: Machine, uuid: string, name: string) {
  const child = spawn('sleep', ['1000'])
  onTestFinished(() => void child.kill('SIGKILL'))
  const { tokenFile } = await on.open(uuid, { name, kind: 'claude', deliver: 'push', pid: child.pid })
  const token = await readToken(tokenFile)
  const hook = async (event: string, more: object = {}) =>
    JSON.stringify(
      await on.call('hook', { token, body: { session_id: uuid, hook_event_name: event, ...more } }),
    )
  return {
    hook,
    tool: () => hook('PostToolUse'),
    prompt: () => hook('UserPromptSubmit', { prompt: 'a person speaks' }),
    /** Text and id of what waits; notes of this machine apart. */
    waits: async (notes = false) =>
      (await on.inbox({ as: name, peek: true })).filter(message => (message.note === true) === notes),
  }
}
const knows = (one: Machine, name: string) =>
  soon(async () => (await one.peers()).some(peer => peer.name === name)).toBe(true)
const steps = async (one: Machine, id: string) =>
  (await one.trace(id)).map(({ state, why }) => (why === null ? state : `${state} ${why}`))
const loopsOf = async (one: Machine) =>
  (await one.call<StatusReply>('status')).problems.filter(({ code }) => code === 'loop')

test('loops stop until a person speaks, budgets hold and let go, and who sent it is told once', async () => {
  const clock = { shift: 0, frozen: 0 }
  const server = await broker()
  const alice = await machine(() => clock.frozen || Date.now() + clock.shift)
  const bobClock = { shift: 0 }
  const bob = await machine(() => Date.now() + bobClock.shift)
  await alice.call('createMesh', { body: { name: 'home', broker: server.url, memberName: 'alice' } })
  await admit(alice, bob, 'bob')
  const api = await claudeSession(alice, API, 'api')
  const web = await claudeSession(bob, WEB, 'web')
  await knows(alice, 'bob/web')
  await knows(bob, 'alice/api')
  const toBob = (text: string, more = {}) => alice.send('bob/web', text, { as: 'api', ...more })
  const toAlice = (text: string) => bob.send('alice/api', text, { as: 'web' })

  // A loop is found on both machines; each Claude is told by its own, the person in `status`.
  for (const one of [alice, bob]) await one.call('setLimits', { body: { loop: 4 } })
  await toBob('Done 1.')
  await toAlice('thanks')
  await toBob('done 2')
  expect(await loopsOf(alice)).toEqual([])
  await toAlice('Thanks!')
  const fifth = (await toBob('done 3')).id
  await soon(() => steps(alice, fifth)).toContain('held loop')
  await soon(() => steps(alice, fifth)).toContain('told')
  expect(await loopsOf(alice)).toMatchObject([{ message: expect.stringContaining('api and bob/web') }])
  expect(await loopsOf(bob)).toMatchObject([{ message: expect.stringContaining('web and alice/api') }])
  for (const one of [api, web])
    expect((await one.waits(true)).map(({ text }) => text)).toEqual([expect.stringContaining('It is a loop')])
  expect(await web.waits()).toMatchObject([{}, {}, { id: fifth, held: 'loop' }])
  expect(await web.tool()).not.toContain(fifth)
  await bob.stop()
  await bob.start()
  expect(await loopsOf(bob)).toHaveLength(1)
  expect(await web.tool()).not.toContain(fifth)
  // Another thread goes on.
  expect(await web.prompt()).toContain(fifth)
  expect(await loopsOf(bob)).toEqual([])
  await alice.call('pause', { body: { paused: false } })
  expect(await loopsOf(alice)).toEqual([])
  await bob.inbox({ as: 'web' })

  // Above the budget a message waits, in its order, and comes when the bucket has filled.
  await bob.call('setLimits', { body: { loop: 1000, pairBurst: 2, pairMinute: 1 } })
  const ids: string[] = []
  for (const text of ['one', 'two', 'three', 'four']) ids.push((await toBob(text)).id)
  await soon(() => steps(alice, ids[3]!)).toContain('held budget')
  expect((await web.waits()).map(({ held }) => held)).toEqual([undefined, undefined, 'budget', 'budget'])
  const handed = async () => {
    const said = await web.prompt()
    return ids.map(id => said.includes(id))
  }
  expect(await handed()).toEqual([true, true, false, false])
  bobClock.shift += 60_000
  expect(await handed()).toEqual([true, true, true, false])
  bobClock.shift += 60_000
  expect(await handed()).toEqual([true, true, true, true])
  expect((await steps(alice, ids[0]!)).join()).not.toContain('held')

  // What is refused after the answer was given is told in one note; what the answer said is not told again.
  const blocks = (what: object) => bob.call('block', { params: { member: 'alice' }, body: what })
  await blocks({ block: ['dm'] })
  const before = (await api.waits(true)).length
  const seen = (await toBob('refused at once')).id
  expect(await steps(alice, seen)).toEqual(expect.arrayContaining(['refused blocked', 'told']))
  clock.frozen = Date.now()
  const late: string[] = []
  for (const text of ['a', 'b']) late.push((await toBob(text, { wait: 'none' })).id)
  for (const id of late) await soon(() => steps(alice, id)).toContain('refused blocked')
  expect(await api.waits(true)).toHaveLength(before)
  clock.frozen = 0
  clock.shift += 3_000
  await soon(async () => (await api.waits(true)).length).toBe(before + 1)
  const note = (await api.waits(true)).at(-1)!
  expect(note).toMatchObject({ fromName: 'claudemesh', priority: 'next' })
  for (const id of late)
    expect(note.text).toContain(`message ${id} to bob/web: REFUSED by the recipient (blocked)`)
  expect(note.text).not.toContain(seen)

  // What is still held after five minutes is told, and once.
  await blocks({ grant: ['dm'] })
  await bob.call('pause', { body: { paused: true } })
  const held = (await toBob('while paused')).id
  await soon(() => steps(alice, held)).toContain('held paused')
  clock.shift += 5 * 60_000
  await soon(async () => (await api.waits(true)).at(-1)!.text).toContain(`${held} to bob/web: still HELD`)
  const shown = await api.prompt()
  expect(shown).toContain('a note of this machine’s daemon')
  expect(await steps(alice, held)).toContain('told')

  // A note begins nothing anew: what is said after it has as many hops behind it as the turn before.
  clock.shift = 0
  await bob.call('pause', { body: { paused: false } })
  await bob.call('setLimits', { body: { pairBurst: 100 } })
  const framed = (id: string) => ({ prompt: `== message ${id} \n| …` })
  const [asked] = (await web.waits()).slice(-1)
  await web.hook('UserPromptSubmit', framed(asked!.id))
  const passed = (await toAlice('passed on')).id
  await soon(async () => (await api.waits()).at(-1)?.id).toBe(passed)
  await api.hook('UserPromptSubmit', framed(passed))
  await api.hook('Stop')
  await api.hook('UserPromptSubmit', framed(note.id))
  const { id } = await toBob('after a note')
  await soon(async () => (await web.waits()).find(message => message.id === id)?.hops).toBe(2)
}, 120_000)
