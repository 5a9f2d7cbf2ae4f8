import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { newMachine } from './machine.ts'

const machine = newMachine()
afterAll(() => machine.remove())

/** What a shell is offered for these words, the last of them being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const { exit, stdout } = await machine.run(['complete', '--', ...words])
  expect(exit).toBe(0)
  return stdout.split('\n').flatMap(line => (line.includes('\t') ? [line.split('\t')[0]!] : []))
}

describe('completions', () => {
  test.each(['bash', 'zsh', 'fish'])('for %s are a script that asks the program itself', async shell => {
    const { exit, stdout } = await machine.run(['completions', shell])
    expect(exit).toBe(0)
    expect(stdout).toContain('claudemesh complete')
    // Where the shell is here, it reads it.
    const { status, error } = spawnSync(shell, ['-n'], { input: stdout })
    if (error === undefined) expect(status).toBe(0)
  })

  test('in bash run nothing of what stands on the line', async () => {
    const { stdout } = await machine.run(['completions', 'bash'])
    const folder = mkdtempSync(join(tmpdir(), 'cm-tab-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const asked = join(folder, 'asked')
    const script = `
      _get_comp_words_by_ref() { cur="\${words[\${#words[@]}-1]}"; }
      compopt() { :; }; complete() { :; }
      claudemesh() { printf '%s|' "$@" > '${asked}'; }
      ${stdout.replace('local cur prev words cword', '')}
      words=(claudemesh send '$(touch ${asked}.ran)' "a b" ''); __claudemesh_complete`
    const { error, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })
    if (error !== undefined) return
    expect(stderr).toBe('')
    expect(readFileSync(asked, 'utf8')).toBe(`complete|--|send|$(touch ${asked}.ran)|a b||`)
    expect(existsSync(`${asked}.ran`)).toBe(false)
  })

  test('know every command, its options and their choices', async () => {
    expect(await offered('se')).toEqual(['send', 'session'])
    expect(await offered('group', '')).toEqual(['join', 'leave'])
    expect(await offered('verify', '--')).toEqual(expect.arrayContaining(['--confirm', '--forget', '--json']))
    expect(await offered('send', '--priority', '')).toEqual(['now', 'next', 'low'])
    expect(await offered('completions', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']))
  })

  test('for a shell that is none is a usage error, and the asking command is shown to nobody', async () => {
    expect((await machine.run(['completions', 'tcsh'])).exit).toBe(2)
    expect((await machine.run(['--help'])).stdout).not.toMatch(/^ {2}complete /m)
  })
})
