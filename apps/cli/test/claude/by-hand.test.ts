import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Machine, openTerminal, runIn, sessionFile, type Terminal } from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask, claude, launchOn, promptOn, twoPeople } from './two-people.ts'

interface Row {
  uuid: string
  name: string
  open: boolean
  attached: boolean
  kind: string
}

describe.skipIf(claude === undefined)('a claude started by hand', { timeout: 120_000 }, () => {
  const world = twoPeople()
  const terminals: Terminal[] = []
  let before = ''
  const settings = (): string => join(world.bob.home, '.claude', 'settings.json')
  beforeAll(async () => {
    before = '{"statusLine":{"type":"command","command":"echo mine $((40+2))"}}'
    writeFileSync(settings(), before)
    const [done] = await world.bob.json('hooks', 'install')
    expect(done).toMatchObject({ changed: true, mcp: true })
  })
  afterAll(async () => {
    for (const terminal of terminals) await terminal.close()
  })

  const byHand = async (machine: Machine, ...args: string[]): Promise<Terminal> => {
    const terminal = openTerminal(machine, [claude!, '--permission-mode', 'manual', ...args])
    terminals.push(terminal)
    await terminal.shows(/manual mode on/)
    return terminal
  }
  const openRows = async (): Promise<Row[]> =>
    (await ask<Row[]>(world.bob, 'sessions')).filter(row => row.open)
  /** Asks the daemon again and again, a few ms each, until it holds. */
  const becomes = async <T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      const seen = await look()
      if (holds(seen)) return seen
      if (attempt === 20_000) throw new Error(`still ${JSON.stringify(seen)}`)
    }
  }

  test('is a session: it is seen, gets its messages and answers, by a token only its user can read', async () => {
    const { bob, alice, model } = world
    const terminal = await byHand(bob)
    const { sessionId } = await sessionFile(bob, file => file.status === 'idle')
    const [row] = await becomes(openRows, rows => rows.some(each => each.attached))
    expect(row).toMatchObject({ uuid: sessionId, name: 'work', kind: 'claude' })
    const token = join(bob.mesh, 'run', `${sessionId}.token`)
    expect(statSync(token).mode & 0o777).toBe(0o600)
    expect(readFileSync(settings(), 'utf8')).not.toContain(
      readFileSync(join(bob.mesh, 'token'), 'utf8').trim(),
    )

    const words =
      'SAY seen\nCALL mcp__claudemesh__mesh_send {"to":"alice","text":"back from by hand"}\nSAY done'
    const [sent] = await alice.json<{ id: string }>('send', 'bob/work', words, '--wait', 'delivered')
    await model.seen(r => r.whole.includes(`== message ${sent!.id}`))
    // The tool is a new one to this user: asked for, as any other.
    await terminal.shows(/Do you want to proceed/)
    await terminal.pressAway('Enter', /Do you want to proceed/)
    await becomes(
      () => alice.json<{ text: string; fromName: string }>('inbox', '--peek', '--all'),
      inbox => inbox.some(m => m.text === 'back from by hand' && m.fromName === 'bob/work'),
    )
    // Idle, and without the socket of its client: the hook that waits wakes it.
    const { messagingSocketPath } = await sessionFile(bob, file => file.status === 'idle')
    rmSync(messagingSocketPath!)
    const surfaced = ['--wait', 'surfaced', '--timeout', '100s']
    const [woken] = await alice.json<{ id: string }>('send', 'bob/work', 'SAY woken', ...surfaced)
    const steps = await bob.json<{ state: string; why: string | null }>('trace', woken!.id)
    expect(steps).toContainEqual(expect.objectContaining({ state: 'pushed', why: 'asyncRewake hook' }))
    await terminal.submit('/exit')
    await terminal.ended()
    await becomes(openRows, rows => rows.length === 0)
  })

  test('that a script runs is no session, and one that is launched is one session, told of once, with one set of tools', async () => {
    const { bob, model } = world
    await runIn(bob, [claude!, '-p', 'SAY a script of mine'])
    expect(await openRows()).toEqual([])
    const terminal = await launchOn(bob, '--name', 'web')
    terminals.push(terminal)
    // The user's own status line, and ours behind it.
    await terminal.shows(/mine 42\s+mesh home\/web · 0 unread/)
    expect((await openRows()).map(row => row.name)).toEqual(['web'])
    await terminal.close()
    // Without a terminal the client waits for its tool servers before it asks the model.
    await promptOn(bob, ['SAY which tools'], '--name', 'tools')
    const request = await model.seen(r => r.whole.includes('SAY which tools'))
    const tools = request.tools.map(tool => tool.name).filter(name => name.includes('mesh_'))
    expect(tools.sort()).toEqual(
      ['inbox', 'peers', 'send'].map(name => `mcp__plugin_claudemesh_mesh__mesh_${name}`),
    )
  })

  test('makes a worktree of its own with our hooks installed, and so does one that is launched', async () => {
    const { bob } = world
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: bob.cwd, env: bob.env, encoding: 'utf8' })
    git('init', '-q', '-b', 'main')
    git('-c', 'user.name=b', '-c', 'user.email=b@x', 'commit', '-q', '--allow-empty', '-m', 'first')
    const byHandRun = await runIn(bob, [claude!, '--worktree', 'hand', '-p', 'SAY in a worktree'])
    expect(byHandRun).toMatchObject({ code: 0, stdout: 'in a worktree\n' })
    const launched = await bob.cli('launch', '--', '--worktree', 'launched', '-p', 'SAY in another')
    expect(launched).toMatchObject({ code: 0, stdout: 'in another\n' })
    const trees = git('worktree', 'list')
    for (const name of ['hand', 'launched']) expect(trees).toContain(name)
  })

  test('is none any more once they are uninstalled, and the settings are what they were', async () => {
    const { bob } = world
    expect(JSON.parse(readFileSync(join(bob.home, '.claude.json'), 'utf8')).mcpServers).toHaveProperty(
      'claudemesh',
    )
    const [found] = await bob.json('hooks', 'status')
    expect(found).toMatchObject({ mcp: { user: true }, daemon: true, off: [] })
    await bob.json('hooks', 'uninstall')
    expect(readFileSync(settings(), 'utf8')).toBe(before)
    expect(JSON.parse(readFileSync(join(bob.home, '.claude.json'), 'utf8')).mcpServers ?? {}).toEqual({})
    expect(existsSync(join(bob.mesh, 'hooks')) ? readdirSync(join(bob.mesh, 'hooks')) : []).toEqual([])
  })
})
