import { afterAll, describe, expect, test } from 'vitest'
import {
  claudeForTests,
  makeScratchHome,
  openTerminal,
  runIn,
  sessionFile,
  startModelStub,
} from '../src/index.ts'
import { parseScript, scriptOf } from '../src/model-script.ts'

describe('a script', () => {
  test('is the last text of the user, without reminders and notes of the client', () => {
    const messages = [
      { role: 'user', content: 'SAY one' },
      { role: 'assistant', content: [{ type: 'text', text: 'one' }] },
      {
        role: 'user',
        content: '<system-reminder>SAY no</system-reminder>\nCALL Bash {"command":"true"}\nSAY two',
      },
      { role: 'assistant', content: [{ type: 'tool_use' }] },
      {
        role: 'user',
        content: [{ type: 'tool_result' }, { type: 'text', text: '<system-reminder>x</system-reminder>' }],
      },
    ]
    const { text, answered } = scriptOf(messages)
    expect(answered).toBe(1)
    expect(parseScript(text)[answered]?.before).toEqual([{ verb: 'SAY', argument: 'two' }])
  })

  test('asks for parallel calls with +CALL and works behind quote marks', () => {
    const [first, second] = parseScript('| CALL A {"x":1}\n| +CALL B\n> ECHO foo')
    expect(first?.calls).toEqual([
      { name: 'A', input: { x: 1 } },
      { name: 'B', input: {} },
    ])
    expect(second?.before).toEqual([{ verb: 'ECHO', argument: 'foo' }])
  })
})

const claude = claudeForTests()
if (claude === undefined) console.warn('skipped: no real claude (set CLAUDE_BIN or put claude on PATH)')

describe.skipIf(claude === undefined)('the real client against the stand-in', () => {
  const model = startModelStub()
  const at = makeScratchHome(model.url)
  afterAll(async () => {
    await model.close()
    at.remove()
  })

  test('answers headless as its script says', async () => {
    const done = await runIn(at, [claude!, '-p', 'the word is canary-17\nECHO can[a]ry-\\d+'])
    expect(done).toMatchObject({ code: 0, stdout: 'ECHO canary-17\n' })
  })

  test('opens on a terminal, takes what is typed and ends on its own', async () => {
    const terminal = openTerminal(at, [claude!, '--permission-mode', 'manual'])
    await sessionFile(at, file => file.status === 'idle')
    await terminal.shows(/manual mode on/)
    await terminal.submit('SAY good-day-from-stub')
    await terminal.shows(/● good-day-from-stub/)
    await terminal.submit('/exit')
    await terminal.ended()
    await terminal.close()
  })
})
