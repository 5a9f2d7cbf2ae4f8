import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { claudeForTests, sessionFile, startModelStub } from '@claudemesh/testkit'
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type Bench, fromAlice, makeBench } from './delivery-bench.ts'

const claude = claudeForTests()
if (claude === undefined) console.warn('skipped: no real claude (set CLAUDE_BIN or put claude on PATH)')

describe.skipIf(claude === undefined)('a message for a live session', () => {
  const model = startModelStub()
  let bench: Bench
  beforeEach(() => {
    bench = makeBench(model, claude!)
  })
  afterEach(async () => {
    expect(bench.early).toEqual([])
    await bench.close()
  })
  afterAll(() => model.close())

  const times = (id: string): number => {
    const last = model.requests.at(-1)!.whole
    return last.split(`== message ${id}`).length - 1
  }

  test('starts a turn in an idle session and is surfaced once the model has answered', async () => {
    await bench.start()
    const message = fromAlice('SAY i have seen it')
    bench.arrive(message)
    const request = await model.seen(r => r.whole.includes(message.id))
    expect(request.whole).toContain('from \\"alice/api\\", key not verified by your user')
    expect(request.whole).toContain('| SAY i have seen it')
    await bench.surfacedAll([message.id])
    expect(times(message.id)).toBe(1)
    // The client does not wait for the first: the other may come before it.
    await expect.poll(() => bench.hooks).toEqual(expect.arrayContaining(['SessionStart', 'UserPromptSubmit']))
  })

  test('comes at the next tool boundary of a busy session, before the turn ends', async () => {
    const terminal = await bench.start('--allowedTools', 'Bash')
    await terminal.submit('CALL Bash {"command":"sleep 1"}\nHOLD boundary\nSAY done')
    await sessionFile(bench.at, file => file.status === 'busy')
    const message = fromAlice('while you work')
    bench.arrive(message)
    await model.holding('boundary')
    expect(times(message.id)).toBe(1)
    expect(bench.surfaced).toEqual([])
    model.release('boundary')
    await bench.surfacedAll([message.id])
  })

  test('of priority low comes after the turn of a busy session', async () => {
    const terminal = await bench.start()
    await terminal.submit('HOLD low\nSAY done')
    await model.holding('low')
    const message = fromAlice('no hurry', { priority: 'low' })
    bench.arrive(message)
    model.release('low')
    const request = await model.seen(r => r.whole.includes(message.id))
    expect(request.whole).toMatch(/"role":"assistant".*"done"/)
    await bench.surfacedAll([message.id])
  })

  test('is one of sixty that come in order, each once, in three packs', async () => {
    await bench.start()
    const messages = Array.from({ length: 60 }, (_, n) => fromAlice(`number ${n}`))
    bench.arrive(...messages)
    const ids = messages.map(m => m.id)
    await bench.surfacedAll(ids)
    expect(bench.surfaced.map(s => s.id)).toEqual(ids)
    const shown = [...model.requests.at(-1)!.whole.matchAll(/== message ([0-9a-f-]{36})/g)].map(m => m[1]!)
    expect(shown).toEqual(ids)
  })

  test('written before the client started is given when it starts, resumed or new', async () => {
    const first = fromAlice('before the start')
    bench.arrive(first)
    const terminal = await bench.start()
    await bench.surfacedAll([first.id])
    await sessionFile(bench.at, file => file.status === 'idle')
    await terminal.submit('/exit')
    await terminal.ended()
    bench.delivery.closed(bench.uuid)
    const late = [fromAlice('while closed 1'), fromAlice('while closed 2')]
    bench.arrive(...late)
    await bench.start('--resume', bench.uuid)
    await bench.surfacedAll(late.map(m => m.id))
    expect(bench.surfaced.map(s => s.id)).toEqual([first.id, ...late.map(m => m.id)])
    expect(times(first.id)).toBe(1)
  })

  test('follows the session through /clear', async () => {
    const terminal = await bench.start()
    await terminal.submit('/clear')
    await sessionFile(bench.at, file => file.sessionId !== bench.uuid && file.status === 'idle')
    const message = fromAlice('after clear')
    bench.arrive(message)
    await bench.surfacedAll([message.id])
  })

  test('is not given again when the daemon was restarted after it was read', async () => {
    await bench.start()
    const message = fromAlice('HOLD restart')
    bench.arrive(message)
    await model.holding('restart')
    bench.restart()
    model.release('restart')
    await bench.surfacedAll([message.id])
    expect(times(message.id)).toBe(1)
  })

  test('that met an API error is not called surfaced, until an answer that comes with it in context', async () => {
    const terminal = await bench.start()
    const message = fromAlice('FAIL 400 invalid_request_error')
    bench.arrive(message)
    await terminal.shows(/API Error/)
    await sessionFile(bench.at, file => file.status === 'idle')
    expect(bench.surfaced).toEqual([])
    await terminal.submit('SAY carry on')
    await bench.surfacedAll([message.id])
    expect(times(message.id)).toBe(1)
  })

  test('waits while a permission is asked for, and answers nothing in its place', async () => {
    const terminal = await bench.start()
    await terminal.submit('CALL Bash {"command":"touch asked"}\nSAY done')
    await terminal.shows(/Do you want to proceed/)
    await sessionFile(bench.at, file => file.status === 'waiting')
    const message = fromAlice('yes, do it')
    bench.arrive(message)
    await bench.handedOver(message.id)
    expect(terminal.screen()).toMatch(/Do you want to proceed/)
    expect(existsSync(join(bench.at.cwd, 'asked'))).toBe(false)
    await terminal.pressAway('Enter', /Do you want to proceed/)
    await bench.surfacedAll([message.id])
    expect(times(message.id)).toBe(1)
  })

  test('whose turn the user interrupted is not surfaced, and not given again, until the model answers with it', async () => {
    const terminal = await bench.start()
    const message = fromAlice('HOLD esc')
    bench.arrive(message)
    await model.holding('esc')
    terminal.press('Escape')
    await terminal.shows(/Interrupted/)
    model.release('esc')
    const next = fromAlice('SAY the next one')
    bench.arrive(next)
    await bench.surfacedAll([message.id, next.id])
    expect(model.requests.at(-1)!.whole).toContain('| SAY the next one')
    expect(times(message.id)).toBe(1)
  })

  test('killed before it answered gets the message again, under the same id', async () => {
    const terminal = await bench.start()
    await terminal.submit('SAY first turn')
    await terminal.shows(/● first turn/)
    const message = fromAlice('HOLD kill')
    bench.arrive(message)
    await model.holding('kill')
    // The prompt stands on disk, and no answer: without it there is nothing to resume either.
    const taken = new RegExp(`"type":"user".*${message.id}`)
    await expect.poll(() => bench.transcript()).toMatch(taken)
    const { pid } = await sessionFile(bench.at, file => file.sessionId === bench.uuid)
    process.kill(pid, 'SIGKILL')
    await terminal.ended()
    model.release('kill')
    expect(bench.surfaced).toEqual([])
    await bench.start('--resume', bench.uuid)
    await bench.surfacedAll([message.id])
    // The first time may stand in the conversation: the model is told.
    expect(model.requests.at(-1)!.whole).toContain('Given again')
  })
})

describe.skipIf(claude === undefined)('a session whose hooks reach nobody', () => {
  test('gets its messages all the same, proven by the transcript, and its turns do not wait', async () => {
    const model = startModelStub()
    const bench = makeBench(model, claude!, { hooksReach: false })
    onTestFinished(async () => {
      await bench.close()
      await model.close()
    })
    await bench.start()
    const message = fromAlice('no hooks')
    bench.arrive(message)
    await bench.surfacedAll([message.id])
    expect(bench.surfaced).toEqual([{ id: message.id, proof: 'transcript' }])
    expect(bench.hooks).toEqual([])
  })
})
