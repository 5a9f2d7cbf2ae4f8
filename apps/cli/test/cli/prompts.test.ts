/** Questions on a real terminal: what is shown before an answer counts, and what a no leaves behind. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openTerminal, type Terminal } from '@claudemesh/testkit'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Machine, newMachine } from './machine.ts'
import { until } from './until.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const hasTmux = spawnSync('tmux', ['-V']).status === 0
if (!hasTmux) console.warn('skipped: no tmux')

function onTerminal(machine: Machine, ...args: string[]): Terminal {
  const { root, env } = machine
  const at = {
    root,
    home: root,
    cwd: join(root, 'work'),
    env: { ...env, PATH: process.env.PATH ?? '', TERM: 'xterm-256color' },
    remove: () => {},
  }
  const bun = [process.execPath, '--no-env-file', '--no-install', '--config=/dev/null', MAIN]
  const terminal = openTerminal(at, [...bun, ...args])
  onTestFinished(() => terminal.close())
  return terminal
}

describe.skipIf(!hasTmux)('on a terminal', () => {
  const alice = newMachine()
  const bob = newMachine()
  let link = ''
  let me = ''
  beforeAll(async () => {
    const [up] = (await alice.json('up', '--detach', '--port', '0')) as { invite: string }[]
    link = up!.invite
    me = String((await alice.json('members'))[0]?.name)
  })
  afterAll(async () => {
    await bob.remove()
    await alice.remove()
  })

  test('join says into which mesh, by whom and as what, and a no joins nothing', async () => {
    const no = onTerminal(bob, 'join', '--name', 'bob', link)
    const shown = await no.shows(/Join\?/)
    expect(shown).toContain('Mesh home at')
    expect(shown).toContain(`${me} (unverified) invites you as member; the link ends in`)
    no.press('n')
    await no.ended()
    expect(await bob.json('mesh', 'list')).toEqual([])
    expect(await alice.json('members')).toHaveLength(1)

    const yes = onTerminal(bob, 'join', '--name', 'bob', link)
    await yes.shows(/Join\?/)
    yes.press('y')
    await yes.ended()
    expect(await bob.json('mesh', 'list')).toMatchObject([{ name: 'home', memberName: 'bob' }])
  })

  test('backup asks for its passphrase twice and shows it never; two that differ write nothing', async () => {
    const file = join(bob.root, 'work', 'keys.age')
    const answered = async (first: string, second: string) => {
      const terminal = onTerminal(bob, 'backup', file)
      await terminal.shows(/Passphrase of the backup/)
      terminal.press(first, 'Enter')
      const asked = await terminal.shows(/The same again/)
      expect(asked).not.toContain(first)
      terminal.press(second, 'Enter')
      await terminal.ended()
    }
    await answered('plain-words-of-mine', 'plain-words-of-nine')
    expect(existsSync(file)).toBe(false)
    await answered('plain-words-of-mine', 'plain-words-of-mine')
    await until('the file is there', () => existsSync(file))
    expect(
      (await bob.run(['restore', file, '--passphrase-file', '-'], { stdin: 'plain-words-of-mine' })).exit,
    ).toBe(6)
  })
})
