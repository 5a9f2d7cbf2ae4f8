import { afterAll, describe, expect, test } from 'vitest'
import { newMachine } from './machine.ts'

const machine = newMachine()
afterAll(() => machine.remove())

/** Names below a command, as its help lists them. */
const listed = (help: string): string[] =>
  [...(help.split('\nCommands:\n')[1] ?? '').split('\n\n')[0]!.matchAll(/^ {2}([a-z-]+)/gm)]
    .map(([, name]) => name!)
    .filter(name => name !== 'help')

async function walk(path: string[]): Promise<{ path: string[]; help: string }[]> {
  const { stdout: help } = await machine.run([...path, '--help'])
  const below = await Promise.all(listed(help).map(name => walk([...path, name])))
  return [{ path, help }, ...below.flat()]
}

const commands = await walk([])

describe('every command', () => {
  test('of design/cli.md for this issue is there', () => {
    const names = commands.map(({ path }) => path.join(' '))
    for (const name of [
      'up,down,broker,daemon run,daemon start,daemon stop,daemon status,daemon logs,daemon install,daemon uninstall',
      'mesh create,mesh list,mesh rename,mesh move,mesh pause,mesh resume,mesh leave,invite,invite list,invite revoke,join,pair,members,remove,verify',
      'audit head,audit verify,audit export,audit proof,audit accept',
      'role,rename,limits,block,grant,pause,resume,group join,group leave,summary,backup,restore,completions',
      'session open,session close,session list,peers,send,inbox,retention,outbox,outbox retry,outbox drop,trace,status,doctor,version',
    ].flatMap(line => line.split(',')))
      expect(names).toContain(name)
  })

  test.each(commands.map(({ path, help }) => [path.join(' ') || '(none)', help]))(
    '`%s --help` shows an example as it is typed',
    (name, help) => {
      const first = name === '(none)' ? 'claudemesh' : `claudemesh ${name.split(' ')[0]}`
      expect(help.split(/\nExamples?:\n/)[1] ?? '').toContain(first)
    },
  )
})
