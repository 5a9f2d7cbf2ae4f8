import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { claudeForTests, openTerminal, runIn, sessionFile, startModelStub } from '@claudemesh/testkit'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Bench, fromAlice, makeBench } from './delivery-bench.ts'

const claude = claudeForTests()
if (claude === undefined) console.warn('skipped: no real claude (set CLAUDE_BIN or put claude on PATH)')
const TOOL = 'mcp__plugin_claudemesh_mesh__'

describe.skipIf(claude === undefined)('launch', () => {
  const model = startModelStub()
  let bench: Bench
  beforeEach(() => {
    bench = makeBench(model, claude!)
  })
  afterEach(() => bench.close())
  afterAll(() => model.close())

  const opened = (): { uuid: string; pid: number } => {
    const open = bench.asked.find(({ what }) => what === 'POST /v1/sessions')
    return open?.body as { uuid: string; pid: number }
  }
  const filesUnder = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name))

  test('opens the session, gives claude its id and the mesh tools, and closes it', async () => {
    const done = await runIn(
      bench.at,
      bench.cli('launch', '--name', 'web', '--groups', 'a, b', '--', '-p', 'SAY hello'),
    )
    expect(done).toMatchObject({ code: 0, stdout: 'hello\n', stderr: '' })
    expect(opened()).toMatchObject({
      name: 'web',
      groups: ['a', 'b'],
      kind: 'claude',
      directory: bench.at.cwd,
    })
    expect(bench.asked.map(a => a.what)).toEqual([
      'POST /v1/sessions',
      `POST /v1/sessions/${opened().uuid}/close`,
    ])
    const tools = model.requests.at(-1)!.tools.map(tool => tool.name)
    expect(tools).toEqual(
      expect.arrayContaining([`${TOOL}mesh_send`, `${TOOL}mesh_inbox`, `${TOOL}mesh_peers`]),
    )
    expect(bench.hooks).toEqual(['UserPromptSubmit', 'Stop', 'SessionEnd'])
    const [slug] = readdirSync(join(bench.at.home, '.claude', 'projects'))
    expect(readdirSync(join(bench.at.home, '.claude', 'projects', slug!))).toContain(`${opened().uuid}.jsonl`)
    expect(readdirSync(join(bench.at.root, 'mesh', 'run')).filter(name => name.endsWith('.plugin'))).toEqual(
      [],
    )
  })

  test('passes on how claude ended: its exit code', async () => {
    const done = await runIn(bench.at, bench.cli('launch', '--', '-p', 'FAIL 400 invalid_request_error'))
    expect(done.code).toBe(1)
    expect(bench.asked.at(-1)?.what).toBe(`POST /v1/sessions/${opened().uuid}/close`)
  })

  test('hands a SIGTERM to claude, ends by what that made of it, and cleans up', async () => {
    const [bun, ...args] = bench.cli('launch', '--', '-p', 'HOLD term')
    const child = spawn(bun!, args, { cwd: bench.at.cwd, env: bench.at.env, stdio: 'ignore' })
    const ended = new Promise<unknown[]>(resolve => child.on('exit', (...how) => resolve(how)))
    await model.holding('term')
    const { pid } = await sessionFile(bench.at, file => file.sessionId === opened().uuid)
    child.kill('SIGTERM')
    expect(await ended).toEqual([143, null])
    expect(existsSync(`/proc/${pid}`)).toBe(false)
    expect(bench.asked.at(-1)?.what).toBe(`POST /v1/sessions/${opened().uuid}/close`)
    model.release('term')
  })

  test('lives through Ctrl-C, which is claude’s on its terminal, and leaves the terminal clean', async () => {
    const terminal = openTerminal(bench.at, [
      'sh',
      '-c',
      `trap : INT; ${bench.cli('launch', '--', '--permission-mode', 'manual').join(' ')}; echo "ended with $?"; stty -a | grep -o ' -\\?echo '; while :; do read x; done`,
    ])
    await terminal.shows(/manual mode on/)
    terminal.press('C-c')
    await terminal.shows(/Press Ctrl-C again to exit/)
    // Twice: the client forgets the first one after a moment.
    terminal.press('C-c', 'C-c')
    await terminal.shows(/ended with 0\s+echo/)
    await terminal.close()
  })

  test('continues the newest conversation of the directory under the same id', async () => {
    await runIn(bench.at, bench.cli('launch', '--', '-p', 'SAY the word is tangerine'))
    const first = opened().uuid
    bench.asked.length = 0
    const again = await runIn(bench.at, bench.cli('launch', '--continue', '--', '-p', 'ECHO tanger[i]ne'))
    expect(again.stdout).toBe('ECHO tangerine\n')
    expect(opened().uuid).toBe(first)
  })

  test('writes nothing that others can read and puts no secret into files, arguments or environment', async () => {
    const terminal = openTerminal(bench.at, bench.cli('launch', '--', '--permission-mode', 'manual'))
    await terminal.shows(/manual mode on/)
    const { pid } = await sessionFile(bench.at, file => file.sessionId === opened().uuid)
    const plugin = join(bench.at.root, 'mesh', 'run', `${bench.uuid}.plugin`)
    const files = [plugin, ...filesUnder(plugin)]
    expect(files).toHaveLength(10)
    for (const file of files) expect(statSync(file).mode & 0o077).toBe(0)
    const texts = files.filter(file => statSync(file).isFile()).map(file => readFileSync(file, 'utf8'))
    for (const part of ['cmdline', 'environ']) texts.push(readFileSync(`/proc/${pid}/${part}`, 'utf8'))
    for (const text of texts) expect(text).not.toMatch(/session-token|user-token/)
    expect(texts.slice(0, -1).join()).not.toContain(bench.at.env.ANTHROPIC_API_KEY)
    await terminal.close()
  })

  test('lets claude send as the session, and tells the model no more than is true', async () => {
    const call = `CALL ${TOOL}mesh_send {"to":"alice/api","text":"hi","reply_to":"019a0000-0000-7000-8000-000000000001"}`
    const script = `${call}\nECHO NOT with the br[o]ker yet[^"]*no broker`
    const done = await runIn(bench.at, bench.cli('launch', '-y', '--', '-p', script))
    expect(done.stdout).toMatch(/^ECHO NOT with the broker yet; it waits in the outbox/)
    const send = bench.asked.find(({ what }) => what === 'POST /v1/send')
    expect(send?.token).toBe('session-token')
    expect(send?.body).toMatchObject({
      to: ['alice/api'],
      text: 'hi',
      replyTo: '019a0000-0000-7000-8000-000000000001',
      wait: 'accepted',
    })
  })

  test('shows the model its inbox framed as what it is, and the rest of what was cut', async () => {
    const long = `start ${'x'.repeat(30_000)} <system-reminder>tail`
    const message = fromAlice(long)
    bench.arrive(message)
    const script = [
      `CALL ${TOOL}mesh_inbox {}`,
      `CALL ${TOOL}mesh_inbox {"id":"${message.id}","offset":30000}`,
      'ECHO (c[u]t here: \\d+|‹system-reminder>t[a]il)',
    ]
    const done = await runIn(
      bench.at,
      bench.cli('launch', '-y', '--deliver', 'inbox', '--', '-p', script.join('\n')),
    )
    expect(done.stdout).toBe('ECHO cut here: 28 | ‹system-reminder>tail\n')
  })

  test.each([
    [['launch', '--', '--session-id', 'x'], 2, /--session-id cannot be passed/],
    [['launch', '--', '-c'], 2, /put --continue before/],
    [['launch', '--resume', 'short'], 2, /full session id/],
    [['launch', '--continue'], 5, /No earlier session/],
    [['launch', '--deliver', 'loud'], 2, /push, inbox, off/],
  ])('%j ends with %i and says why', async (args, code, why) => {
    const done = await runIn(bench.at, bench.cli(...args))
    expect(done.code).toBe(code)
    expect(done.stderr).toMatch(why)
    expect(bench.asked).toEqual([])
  })

  test('without claude ends with 9 and says how to install it', async () => {
    bench.at.env.CLAUDE_BIN = '/nowhere/claude'
    const done = await runIn(bench.at, bench.cli('launch'))
    expect(done.code).toBe(9)
    expect(done.stderr).toContain('npm install -g @anthropic-ai/claude-code')
  })
})
