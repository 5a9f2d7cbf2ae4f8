import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Machine, newMachine } from './machine.ts'

let machine: Machine
let settings = ''
beforeEach(() => {
  machine = newMachine()
  mkdirSync(join(machine.root, '.claude'))
  settings = join(machine.root, '.claude', 'settings.json')
})
afterEach(() => machine.remove())

const OWN =
  '{\r\n    "permissions": {"allow":["Read" ,"Bash(ls:*)"]},\r\n    "hooks": {"Stop": [{"hooks":[{"type":"command","command":"say done"}]}]}\r\n}'
const read = (): string => readFileSync(settings, 'utf8')
const hooks = (text: string): Record<string, { hooks: { type: string; command: string }[] }[]> =>
  JSON.parse(text).hooks

test('are installed once, beside what stands there, and go without a trace', async () => {
  writeFileSync(settings, OWN, { mode: 0o640 })
  const [first] = await machine.json('hooks', 'install', '--mesh', 'home')
  expect(first).toMatchObject({ path: settings, changed: true, scope: 'user', mcp: false })
  const installed = read()
  expect(Object.keys(hooks(installed)).sort()).toEqual([
    'PostToolUse',
    'SessionEnd',
    'SessionStart',
    'Stop',
    'UserPromptSubmit',
  ])
  expect(hooks(installed).Stop).toHaveLength(2)
  expect(installed).toContain('{"hooks":[{"type":"command","command":"say done"}]}')
  expect(hooks(installed).SessionStart![0]!.hooks[0]!.command).toContain(
    `'--home=${machine.home}' '--mesh=home'`,
  )
  expect(statSync(settings).mode & 0o777).toBe(0o640)
  expect(readdirSync(join(machine.root, '.claude'))).toEqual(['settings.json'])
  expect(readFileSync(first!.backup as string, 'utf8')).toBe(OWN)
  expect(statSync(first!.backup as string).mode & 0o777).toBe(0o600)

  expect(await machine.json('hooks', 'install', '--mesh', 'home')).toMatchObject([{ changed: false }])
  expect(read()).toBe(installed)
  expect(await machine.json('hooks', 'status')).toMatchObject([
    {
      scopes: [
        { scope: 'user', hooks: 'installed' },
        { scope: 'project', hooks: 'none' },
        { scope: 'local', hooks: 'none' },
      ],
      mcp: { user: false, local: false },
      off: [],
      daemon: false,
    },
  ])
  // For another mesh: ours of before are no part of what was there.
  await machine.json('hooks', 'install', '--mesh', 'other')
  expect(hooks(read()).Stop).toHaveLength(2)

  expect(await machine.json('hooks', 'uninstall')).toMatchObject([{ changed: true }])
  expect(read()).toBe(OWN)
  expect(existsSync(first!.backup as string)).toBe(false)
  expect(await machine.json('hooks', 'uninstall')).toMatchObject([{ changed: false }])
})

test('go and leave what was changed since', async () => {
  writeFileSync(settings, OWN)
  await machine.json('hooks', 'install')
  writeFileSync(settings, read().replace('"Read"', '"Read", "Edit"').replace('say done', 'say well'))
  await machine.json('hooks', 'uninstall')
  expect(JSON.parse(read())).toEqual(
    JSON.parse(OWN.replace('"Read"', '"Read", "Edit"').replace('say done', 'say well')),
  )
})

test('make a file where there is none and take it away again; a link stays a link', async () => {
  await machine.json('hooks', 'install', '--local')
  const local = join(machine.root, 'work', '.claude', 'settings.local.json')
  expect(Object.keys(hooks(readFileSync(local, 'utf8')))).toHaveLength(5)
  await machine.json('hooks', 'uninstall', '--local')
  expect(existsSync(local)).toBe(false)

  const dotfiles = join(machine.root, 'dotfiles.json')
  writeFileSync(dotfiles, OWN)
  symlinkSync('../dotfiles.json', settings)
  await machine.json('hooks', 'install')
  expect(lstatSync(settings).isSymbolicLink()).toBe(true)
  expect(hooks(readFileSync(dotfiles, 'utf8')).Stop).toHaveLength(2)
  await machine.json('hooks', 'uninstall')
  expect(readFileSync(dotfiles, 'utf8')).toBe(OWN)
})

test('are not put into a file that Claude Code would not load, and it stays as it is', async () => {
  const broken = '{ // mine\n  "model": "opus" }'
  writeFileSync(settings, broken)
  for (const command of ['install', 'uninstall']) {
    const done = await machine.run(['hooks', command])
    expect(done.exit).toBe(6)
    expect(done.stderr).toMatch(/settings\.json is left as it is \(.+\)\. Mend it/)
  }
  expect(read()).toBe(broken)
  const said = await machine.run(['hooks', 'status'])
  expect(said.stdout).toContain('user: Claude Code does not load this file')
})

test('are not put into a file that says twice where they stand, which is named; status calls them outdated', async () => {
  await machine.json('hooks', 'install')
  const twice = read().replace('{', '{ "hooks": {},')
  writeFileSync(settings, twice)
  for (const command of ['install', 'uninstall']) {
    const done = await machine.run(['hooks', command])
    expect(done.exit).toBe(6)
    expect(done.stderr).toContain('settings.json is left as it is (hooks: stands there twice;')
  }
  expect(read()).toBe(twice)
  expect(await machine.json('hooks', 'status')).toMatchObject([
    { scopes: [{ hooks: 'outdated' }, { hooks: 'none' }, { hooks: 'none' }] },
  ])
})

test('say where they are switched off', async () => {
  await machine.json('hooks', 'install')
  writeFileSync(settings, read().replace('{', '{ "disableAllHooks": true,'))
  const [found] = await machine.json('hooks', 'status')
  expect(found?.off).toEqual([`${settings} says disableAllHooks: no hook runs`])
})
