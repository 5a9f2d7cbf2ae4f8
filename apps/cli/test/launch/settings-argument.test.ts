import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { settingsArgument } from '../../src/launch/settings-argument.ts'

let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'cm-settings-'))
  for (const folder of ['home/.claude', '.claude']) mkdirSync(join(cwd, folder), { recursive: true })
})
afterEach(() => rmSync(cwd, { recursive: true }))

const given = (...extra: string[]) =>
  settingsArgument(extra, ['/bun', 'line.ts'], { env: { HOME: join(cwd, 'home') }, cwd })
const statusLine = (command: string) => ({ statusLine: { type: 'command', command, padding: 2 } })
const ours = "'/bun' 'line.ts'"

test('without settings of the user’s it is our line alone', () => {
  expect(given('-p', 'hi')).toEqual({
    settings: { statusLine: { type: 'command', command: ours, refreshInterval: 10 } },
    rest: ['-p', 'hi'],
  })
})

test('the user’s own line is run before ours, the nearest scope’s, with what else it says of itself', () => {
  writeFileSync(join(cwd, 'home/.claude/settings.json'), JSON.stringify(statusLine('far')))
  writeFileSync(join(cwd, '.claude/settings.json'), JSON.stringify(statusLine("it's near")))
  expect(given().settings).toEqual({
    statusLine: {
      type: 'command',
      command: `${ours} '--then=it'\\''s near'`,
      padding: 2,
      refreshInterval: 10,
    },
  })
})

test('settings given to the client stay, as text or as a file, and the last of two', () => {
  writeFileSync(join(cwd, 'mine.json'), JSON.stringify({ model: 'opus', ...statusLine('given') }))
  for (const argument of [['--settings', 'mine.json'], ['--settings=mine.json']]) {
    const { settings, rest } = given('--settings', '{"model":"gone"}', ...argument, '--model', 'x')
    expect(settings).toMatchObject({ model: 'opus', statusLine: { command: `${ours} '--then=given'` } })
    expect(rest).toEqual(['--model', 'x'])
  }
})

test('settings that cannot be read are left to the client to refuse', () => {
  for (const bad of ['{ not json', 'no-such-file.json'])
    expect(given('--settings', bad, '-p', 'x')).toEqual({
      settings: undefined,
      rest: ['--settings', bad, '-p', 'x'],
    })
})
