import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openTerminal, runIn, type Terminal } from '@claudemesh/testkit'
import { afterAll, describe, expect, test } from 'vitest'
import type { Peer, TraceStep } from '../../src/api/schema.ts'
import { ask, claude, launchOn, promptOn, twoPeople } from './two-people.ts'

interface Row {
  uuid: string
  session: string
  name: string
  open: boolean
  status: string
}
/** A busy machine starts a client in its own time. */
const PATIENCE = { timeout: 60_000 }
const SEND = 'CALL mcp__plugin_claudemesh_mesh__mesh_send'

describe.skipIf(claude === undefined)('a copy of a session', { timeout: 240_000 }, () => {
  const people = twoPeople()
  const { model } = people
  const terminals: Terminal[] = []
  afterAll(async () => {
    await runIn(people.bob, [claude!, 'daemon', 'stop', '--any'])
    for (const terminal of terminals) await terminal.close()
  })

  const rows = async (): Promise<Row[]> => ask<Row[]>(people.bob, 'sessions')
  const openNames = async (): Promise<string[]> =>
    (await rows()).filter(({ open, status }) => open && status !== 'closed').map(({ name }) => name)
  const shows = (name: string, what: Partial<Peer>) =>
    expect
      .poll(async () => ask<Peer[]>(people.alice, 'peers'), PATIENCE)
      .toContainEqual(expect.objectContaining({ name: `bob/${name}`, ...what }))
  const write = async (to: string, text: string): Promise<string> => {
    const body = { to: [`bob/${to}`], text, wait: 'delivered' }
    return (await ask<{ id: string }>(people.alice, 'send', { body })).id
  }
  const told = (id: string, step: string) =>
    expect
      .poll(async () => {
        const steps = await ask<TraceStep[]>(people.alice, 'trace', { params: { id } })
        return steps
          .filter(({ verified }) => verified)
          .map(({ state, why }) => [state, why].filter(Boolean).join(' '))
      }, PATIENCE)
      .toContain(step)
  /** Alice hears from it, by the tools that were loaded with it. */
  const speaks = async (name: string): Promise<void> => {
    await told(await write(name, `${SEND} {"to":"alice","text":"I am ${name}"}\nSAY said`), 'surfaced')
    const said = async () =>
      (await people.alice.json<{ fromName: string; text: string }>('inbox', '--all', '--peek'))
        .filter(({ text }) => text === `I am ${name}`)
        .map(({ fromName }) => fromName)
    await expect.poll(said, PATIENCE).toEqual([`bob/${name}`])
  }
  const jobs = async (): Promise<{ id: string; sessionId: string; pid?: number }[]> =>
    JSON.parse((await runIn(people.bob, [claude!, 'agents', '--json'])).stdout)
  const jobOf = async (name: string): Promise<string> => {
    const { uuid } = (await rows()).find(row => row.name === name)!
    return (await jobs()).find(({ sessionId }) => sessionId === uuid)!.id
  }

  test('by /fork and /background is a session of its own, also after the terminal it began in has ended; /rename is followed', async () => {
    const terminal = await launchOn(people.bob, '--name', 'web')
    terminals.push(terminal)
    await shows('web', { status: 'idle' })
    await terminal.submit('SAY begun')
    await terminal.shows(/● begun/)
    await terminal.submit('/rename api')
    await shows('api', { status: 'idle' })
    await terminal.submit('/fork SAY in the fork')
    await shows('api-2', { online: true })
    await terminal.submit('/background')
    await terminal.ended()
    const [original] = (await rows()).filter(({ name }) => name === 'api')
    await shows('api', { status: 'closed' })
    await shows('api-3', { online: true })
    await told(await write('api', 'kept for the one that was left'), 'held closed')

    // What `launch` held for them is held on: their token, their plugin, and the port of their hooks, also over a restart.
    const run = join(people.bob.mesh, 'run')
    const plugin = join(run, `${original!.uuid}.plugin`)
    const { hooks } = JSON.parse(readFileSync(join(plugin, 'hooks', 'hooks.json'), 'utf8'))
    const { url, headers } = hooks.Stop[0].hooks[0]
    await people.bob.json('daemon', 'stop')
    await people.bob.json('daemon', 'start')
    await Promise.all(['api-2', 'api-3'].map(speaks))
    const post = (with_: object) => fetch(url, { method: 'POST', body: '{}', ...with_ })
    expect((await post({})).status).toBe(401)
    expect((await post({ headers })).status).toBe(200)

    for (const name of ['api-2', 'api-3']) await runIn(people.bob, [claude!, 'stop', await jobOf(name)])
    await expect.poll(openNames, PATIENCE).toEqual([])
    await expect
      .poll(() => [plugin, join(run, `${original!.uuid}.token`)].map(existsSync), PATIENCE)
      .toEqual([false, false])
    await expect.poll(() => post({ headers }).catch(() => 'nobody'), PATIENCE).toBe('nobody')

    // Resumed, it is who it was; a copy by flag is another.
    await promptOn(people.bob, ['SAY resumed'], '--resume', original!.uuid)
    const flags = ['--resume', original!.uuid, '--name', 'forked', '--', '--fork-session', '-p']
    const forked = await people.bob.cli('launch', '-y', ...flags, 'ECHO beg[u]n')
    expect(forked.stdout).toBe('ECHO begun\n')
    const [api] = (await rows()).filter(({ uuid }) => uuid === original!.uuid)
    const [copy] = (await rows()).filter(({ name }) => name === 'forked')
    expect(api).toMatchObject({ name: 'api', session: original!.session })
    expect(copy!.uuid).not.toBe(api!.uuid)
    expect(copy!.session).not.toBe(api!.session)
  })

  test('of one started by hand is one too; what the terminal moved on from is closed, and what nobody uses yet is none', async () => {
    await people.bob.json('hooks', 'install')
    // The supervisor has the environment of a launched session; what is started by hand under it speaks for itself all the same.
    await runIn(people.bob, [claude!, '--bg', 'SAY in the background'])
    await expect.poll(openNames, PATIENCE).toEqual(['work'])
    await shows('work', { status: 'idle' })
    const terminal = openTerminal(people.bob, [claude!, '--permission-mode', 'manual'])
    terminals.push(terminal)
    await terminal.shows(/manual mode on/)
    await terminal.submit('SAY begun by hand')
    await terminal.shows(/● begun by hand/)
    await shows('work-2', { status: 'idle' })
    terminal.press('Left')
    await terminal.shows(/Your session moved to the background/)
    await shows('work-2', { status: 'closed' })
    await shows('work-3', { online: true })
    const left = await write('work-2', 'for the one it left')
    await told(left, 'held closed')
    await told(await write('work-3', 'SAY read in the background'), 'surfaced')
    expect((await openNames()).toSorted()).toEqual(['work', 'work-3'])
    expect(model.requests.some(({ whole }) => whole.includes(`== message ${left}`))).toBe(false)
  })
})
