import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine, Terminal } from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Peer, SendReply, StatusReply, TraceStep } from '../../src/api/schema.ts'
import { ask, claude, headlessOn, launchOn, twoPeople } from './two-people.ts'

const TOOL = 'mcp__plugin_claudemesh_mesh__'
/** A busy machine starts a client in its own time. */
const PATIENCE = { timeout: 45_000 }

describe.skipIf(claude === undefined)('a message for a session that is', { timeout: 120_000 }, () => {
  const people = twoPeople()
  const { model } = people
  let terminal: Terminal
  beforeAll(async () => {
    terminal = await launchOn(people.bob, '--name', 'web')
  })
  afterAll(() => terminal?.close())

  const peer = async (name: string): Promise<Peer | undefined> =>
    (await ask<Peer[]>(people.alice, 'peers')).find(each => each.name === name)
  const shows = (what: Partial<Peer>, name = 'bob/web') =>
    expect.poll(() => peer(name), PATIENCE).toMatchObject(what)
  const send = async (text: string, to = 'bob/web'): Promise<string> =>
    (await ask<SendReply>(people.alice, 'send', { body: { to: [to], text, wait: 'delivered' } })).id
  const steps = async (machine: Machine, id: string): Promise<string[]> =>
    (await ask<TraceStep[]>(machine, 'trace', { params: { id } })).map(({ state, why }) =>
      why === null ? state : `${state} ${why}`,
    )
  /** What alice is told, all of it by Bob's signed receipts, up to this step. */
  const told = async (id: string, step: string): Promise<string[]> => {
    await expect.poll(() => steps(people.alice, id), PATIENCE).toContain(step)
    return steps(people.alice, id)
  }
  const inContext = (id: string): boolean => model.requests.some(r => r.whole.includes(`== message ${id}`))
  const presence = (body: object) => ask(people.bob, 'presence', { body: { as: 'web', ...body } })

  test('idle: begins a turn', async () => {
    await shows({ status: 'idle' })
    const id = await send('SAY the idle one')
    expect(await told(id, 'surfaced')).not.toContainEqual(expect.stringMatching(/^held/))
    expect(inContext(id)).toBe(true)
    expect(await steps(people.bob, id)).toEqual([
      'composed',
      'delivered',
      'pushed messaging socket',
      'surfaced',
    ])
    await shows({ status: 'idle' })
  })

  test('working: comes between two steps, and counts only once the model has answered', async () => {
    await terminal.submit(`HOLD step\nCALL ${TOOL}mesh_peers {}\nHOLD boundary\nSAY work is done`)
    await model.holding('step')
    await shows({ status: 'working' })
    const id = await send('while you work')
    await expect.poll(() => steps(people.bob, id), PATIENCE).toContain('pushed messaging socket')
    model.release('step')
    await model.holding('boundary')
    expect(inContext(id)).toBe(true)
    expect(await steps(people.alice, id)).not.toContain('surfaced')
    model.release('boundary')
    await told(id, 'surfaced')
    await shows({ status: 'idle' })
  })

  test('waiting at a permission dialog: is held, told so, and answers nothing in its place', async () => {
    await terminal.submit('CALL Bash {"command":"touch asked"}\nSAY asked and done')
    await terminal.shows(/Do you want to proceed/)
    await shows({ status: 'waiting' })
    const id = await send('1')
    await told(id, 'held waiting for permission')
    expect(terminal.screen()).toMatch(/Do you want to proceed/)
    expect(existsSync(join(people.bob.cwd, 'asked'))).toBe(false)
    expect(inContext(id)).toBe(false)
    await terminal.pressAway('Enter', /Do you want to proceed/)
    await told(id, 'surfaced')
    await shows({ status: 'idle' })
  })

  test('dnd: is held until that ends', async () => {
    await presence({ status: 'dnd' })
    const id = await send('SAY not before you may be disturbed')
    await told(id, 'held dnd')
    expect(inContext(id)).toBe(false)
    await presence({ status: 'idle' })
    await told(id, 'surfaced')
    await shows({ status: 'idle' })
  })

  test('on inbox: only the number is told, also after a restart; what its tool shows is surfaced', async () => {
    await presence({ deliver: 'inbox' })
    const id = await send('waits to be asked for')
    await told(id, 'held mode')
    await people.bob.json('daemon', 'stop')
    await people.bob.json('daemon', 'start')
    expect(await ask<Peer[]>(people.bob, 'peers')).toContainEqual(
      expect.objectContaining({ name: 'bob/web', deliver: 'inbox' }),
    )
    await terminal.submit(`CALL ${TOOL}mesh_inbox {}\nSAY looked into it`)
    await told(id, 'surfaced')
    expect(model.requests.some(r => r.whole.includes('a message of a peer waits'))).toBe(true)
    expect(await steps(people.bob, id)).toContain('pushed inbox tool')
    await presence({ deliver: 'push' })
    await shows({ status: 'idle' })
  })

  test('off: nothing comes and nothing is told, until it is on again', async () => {
    await presence({ deliver: 'off' })
    const id = await send('SAY not while it is off')
    await told(id, 'held mode')
    await terminal.submit('SAY nothing new')
    await model.seen(r => r.whole.includes('SAY nothing new'))
    await shows({ status: 'idle' })
    expect(model.requests.at(-1)!.whole.split('a message of a peer waits')).toHaveLength(2)
    expect(inContext(id)).toBe(false)
    await presence({ deliver: 'push' })
    await told(id, 'surfaced')
    await shows({ status: 'idle' })
  })

  test('from somebody its user blocked: is refused, told so, and never shown', async () => {
    const block = (body: object) => ask(people.bob, 'block', { params: { member: 'alice' }, body })
    await block({ block: ['dm'] })
    const id = await send('SAY from who is blocked')
    await told(id, 'refused blocked')
    await block({ grant: ['dm'] })
    const next = await send('SAY from who may write again')
    await told(next, 'surfaced')
    expect(inContext(id)).toBe(false)
    await shows({ status: 'idle' })
  })

  test('compacted: is given like before', async () => {
    await terminal.submit('/compact')
    await terminal.shows(/Compacted/i)
    await shows({ status: 'idle' })
    const id = await send('SAY after the compaction')
    await told(id, 'surfaced')
    expect(model.requests.at(-1)!.whole.split(`== message ${id}`)).toHaveLength(2)
  })

  test('headless: wakes it; two that answer each other for ever are stopped, and told so once', async () => {
    await Promise.all([headlessOn(people.bob, 'night'), headlessOn(people.alice, 'day')])
    await shows({ online: true }, 'bob/night')
    const id = await send('SAY read at night', 'bob/night')
    await told(id, 'surfaced')
    expect(await steps(people.bob, id)).toContain('pushed messaging socket')

    const both = [
      { machine: people.alice, name: 'day' },
      { machine: people.bob, name: 'night' },
    ]
    for (const { machine } of both) await ask(machine, 'setLimits', { body: { loop: 6 } })
    const begin = { as: 'day', to: ['bob/night'], text: 'BACK', wait: 'none' }
    await ask(people.alice, 'send', { body: begin })
    for (const { machine } of both) {
      const loops = async () =>
        (await ask<StatusReply>(machine, 'status')).problems.filter(({ code }) => code === 'loop')
      await expect.poll(loops, PATIENCE).toHaveLength(1)
    }
    const { id: more } = await ask<SendReply>(people.alice, 'send', { body: begin })
    await told(more, 'held loop')
    for (const { machine, name } of both) {
      const mail = await machine.json<{ text: string }>('inbox', '--as', name, '--all', '--peek')
      expect(mail.filter(({ text }) => text.includes('It is a loop'))).toHaveLength(1)
    }
    expect(inContext(more)).toBe(false)
  })
})
