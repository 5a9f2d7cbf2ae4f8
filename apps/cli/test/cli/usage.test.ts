import { afterAll, describe, expect, test } from 'vitest'
import { newMachine } from './machine.ts'

const machine = newMachine()
afterAll(() => machine.remove())

describe('a command line that cannot be understood', () => {
  test.each([
    ['a typo in a command', ['pers'], /did you mean peers\?/],
    ['a typo in an option', ['send', '--prority', 'now', 'a', 'b'], /did you mean --priority\?/],
    ['a typo below a group', ['mesh', 'lst'], /create, list, .*leave/],
    ['a word `invite` does not know', ['invite', 'lst'], /list, revoke/],
    ['a group alone', ['daemon'], /'daemon' needs a command: run, start/],
    ['a missing argument', ['trace'], /missing required argument 'id'/],
    ['too many arguments', ['peers', 'alice'], /too many arguments/],
    ['a value outside the choice', ['status', 'asleep'], /Allowed choices are idle, working, dnd/],
    ['a duration that is none', ['invite', '--expires', '5x'], /'--expires <time>'.*24h or 7d/],
    ['a number out of bounds', ['invite', '--uses', '1001'], /from 1 to 1000/],
    ['a recipient without a text', ['send', 'alice'], /to whom and what/],
    ['an empty text', ['send', 'alice', ''], /no text/],
  ])('%s: exit 2, one line on stderr, nothing on stdout', async (_, args, says) => {
    const { exit, stdout, stderr } = await machine.run(args)
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' })
    expect(stderr).toMatch(says)
    expect(stderr).toMatch(/^claudemesh: [^\n]+\n$/)
  })

  test('is told as one object with --json', async () => {
    const { exit, stderr } = await machine.run(['pers', '--json'])
    expect(exit).toBe(2)
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'usage', message: expect.stringContaining('peers') },
    })
  })
})

describe('without a daemon', () => {
  test('`daemon status` says so with exit 3', async () => {
    const { exit, stderr } = await machine.run(['daemon', 'status'])
    expect(exit).toBe(3)
    expect(stderr).toMatch(/not running.*claudemesh daemon start/)
  })

  test('`daemon stop` and `down` have nothing to do and are content', async () => {
    expect((await machine.run(['daemon', 'stop'])).exit).toBe(0)
    expect(JSON.parse((await machine.run(['down', '--json'])).stdout)).toEqual({ stopped: false })
  })
})

test('`join` where nobody can answer asks for -y instead of a person', async () => {
  const { exit, stderr } = await machine.run(['join', 'http://127.0.0.1:1/i/x#y'])
  expect(exit).toBe(2)
  expect(stderr).toContain('-y')
})

test('no colour reaches what is no terminal', async () => {
  const { stdout, stderr } = await machine.run(['peers', '--group'])
  expect(stdout + stderr).not.toContain('\u001b')
})

test('files of the folder one stands in change nothing', async () => {
  await Bun.write(`${machine.root}/work/bunfig.toml`, 'preload = ["./intruder.ts"]')
  await Bun.write(`${machine.root}/work/intruder.ts`, 'console.log("intruder"); process.exit(9)')
  await Bun.write(`${machine.root}/work/.env`, 'CLAUDEMESH_HOME=/nowhere')
  const { exit, stdout } = await machine.run(['version', '--json'])
  expect(exit).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
})
