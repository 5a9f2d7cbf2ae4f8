import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  configDirOfTranscript,
  cursorAtEnd,
  cursorAtStart,
  findRunning,
  findTranscript,
  hookPayload,
  locateClaude,
  nameByUser,
  newestSessionOf,
  pluginFiles,
  pushText,
  readSurfaced,
  SessionsFolder,
} from '../src/index.ts'
import { wakerAt } from '../src/plugin-files.ts'
import { processStart } from '../src/sessions-file.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/2.1.329')
const SESSION = '11111111-2222-4333-8444-555555555555'
const fixture = (name: string): string => readFileSync(join(FIXTURES, name), 'utf8')

let dir = ''
let unknown: string[] = []
const onUnknown = (what: string): number => unknown.push(what)
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cm-claude-'))
  unknown = []
})
afterEach(() => rmSync(dir, { recursive: true }))

describe('the sessions file', () => {
  const write = (name: string, change: object): void => {
    mkdirSync(join(dir, 'sessions'), { recursive: true })
    const recorded = JSON.parse(fixture('sessions-file.json'))
    writeFileSync(join(dir, 'sessions', name), JSON.stringify({ ...recorded, ...change }))
  }
  const self = { pid: process.pid, procStart: processStart(process.pid) }

  test('names the live process of a session, its status and its socket', () => {
    write(`${process.pid}.json`, self)
    const found = findRunning(dir, SESSION, onUnknown)
    expect(found).toMatchObject({
      pid: process.pid,
      status: 'idle',
      messagingSocketPath: '/home/dev/r/cc-socks/11154.sock',
    })
    expect(findRunning(dir, SESSION.replace('1', '2'), onUnknown)).toBeUndefined()
    expect(unknown).toEqual([])
  })

  test('left behind by a killed process, or by a pid that is another’s now, counts for nothing', () => {
    write('4194301.json', { pid: 4194301 })
    write('1.json', { ...self, procStart: '7' })
    expect(findRunning(dir, SESSION, onUnknown)).toBeUndefined()
  })

  test('torn, missing, of another shape or beside a key file breaks nothing', () => {
    expect(findRunning(join(dir, 'nowhere'), SESSION, onUnknown)).toBeUndefined()
    write(`${process.pid}.json`, self)
    writeFileSync(join(dir, 'sessions', '2.json'), '{"pid":2,"sess')
    writeFileSync(join(dir, 'sessions', '3.json'), '{"pid":"three"}')
    writeFileSync(join(dir, 'sessions', '3.key'), 'secret')
    expect(findRunning(dir, SESSION, onUnknown)?.pid).toBe(process.pid)
    expect(unknown).toEqual(['sessions-file'])
  })
})

describe('a folder of sessions files that is looked at again and again', () => {
  const path = () => join(dir, 'sessions', `${process.pid}.json`)
  const put = (status: string): void => {
    mkdirSync(join(dir, 'sessions'), { recursive: true })
    const recorded = JSON.parse(fixture('sessions-file.json'))
    const file = { ...recorded, pid: process.pid, procStart: processStart(process.pid), status }
    writeFileSync(path(), JSON.stringify(file))
  }

  test('shows every change, however soon it follows and however alike the file looks', () => {
    const folder = new SessionsFolder(dir, onUnknown)
    for (let n = 0; n < 200; n++) {
      const status = n % 2 === 0 ? 'idle' : 'busy'
      put(status)
      expect(folder.running().map(session => session.status)).toEqual([status])
    }
    rmSync(path())
    expect(folder.running()).toEqual([])
  })

  test('is not read again while it stands as it was', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 })
    try {
      const folder = new SessionsFolder(dir, onUnknown)
      put('idle')
      const [first] = folder.running()
      expect(folder.running()[0]).toBe(first)
      put('busy')
      expect(folder.running()[0]?.status).toBe('busy')
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('the transcript', () => {
  const id = (n: number): RegExp => new RegExp(`message 019a0000-0000-7000-8000-00000000000${n}`)

  test('proves what was pushed while idle and while busy, and not what met an API error', () => {
    const path = join(dir, 't.jsonl')
    const cursor = cursorAtEnd(path)
    copyFileSync(join(FIXTURES, 'transcript-pushed.jsonl'), path)
    const surfaced = readSurfaced(cursor, onUnknown)
    expect(surfaced).toHaveLength(2)
    expect(surfaced[0]).toMatch(id(1))
    expect(surfaced[1]).toMatch(id(2))
    expect(cursor.given).toHaveLength(1)
    expect(cursor.given[0]?.text).toMatch(id(3))
    expect(cursor.given[0]?.at).toBe(Date.parse('2026-11-21T09:02:21.836Z'))
    expect(unknown).toEqual([])
  })

  test('proves a text only once the answer’s line is whole, however the bytes arrive', () => {
    const path = join(dir, 't.jsonl')
    writeFileSync(path, 'what stood before is not read')
    const cursor = cursorAtEnd(path)
    const bytes = Buffer.from(fixture('transcript-pushed.jsonl'))
    const surfaced: string[] = []
    for (let at = 0; at < bytes.length; at += 333) {
      appendFileSync(path, bytes.subarray(at, at + 333))
      surfaced.push(...readSurfaced(cursor, onUnknown))
    }
    expect(surfaced).toHaveLength(2)
  })

  test('proves what a hook woke with and what our inbox tool showed, and the result of no other tool', () => {
    const path = join(dir, 't.jsonl')
    const call = (id: string, name: string) => ({ type: 'tool_use', id, name, input: {} })
    const result = (id: string, text: string) => ({
      type: 'tool_result',
      tool_use_id: id,
      content: [{ type: 'text', text }],
    })
    const ours = 'mcp__plugin_claudemesh_mesh__mesh_inbox'
    const records = [
      { type: 'user', timestamp: 7, origin: { kind: 'task-notification' }, message: { content: 'woken' } },
      { type: 'assistant', message: { content: [call('a', ours), call('b', 'Bash')] } },
      { type: 'user', message: { content: [result('a', 'asked for'), result('b', 'echoed')] } },
      { type: 'assistant', message: { content: [] } },
    ]
    writeFileSync(path, records.map(record => `${JSON.stringify(record)}\n`).join(''))
    expect(readSurfaced(cursorAtStart(path), onUnknown)).toEqual(['woken', 'asked for'])
  })

  test('takes no word of a subagent, a person or a tool for a pushed text', () => {
    const path = join(dir, 't.jsonl')
    const answer = { type: 'assistant', message: { content: [{ type: 'text', text: 'yes' }] } }
    const records = [
      { type: 'user', isSidechain: true, origin: { kind: 'peer' }, message: { content: 'subagent' } },
      { type: 'user', origin: { kind: 'human' }, message: { content: 'typed' } },
      { type: 'user', message: { content: [{ type: 'tool_result', content: 'tool' }] } },
      { type: 'queue-operation', operation: 'enqueue', content: 'queued' },
      { type: 'never-seen-before' },
      answer,
      { type: 'user', origin: { kind: 'peer' }, message: { content: 'pushed' } },
      { ...answer, isSidechain: true },
      { ...answer, isApiErrorMessage: true },
    ]
    writeFileSync(path, `${records.map(r => JSON.stringify(r)).join('\n')}\nnot json\n`)
    expect(readSurfaced(cursorAtStart(path), onUnknown)).toEqual([])
    expect(unknown).toEqual(['transcript-record'])
  })

  test('is found by session id, and the newest of a directory is what --continue means', () => {
    const cwd = join(dir, 'a.b c')
    const folder = join(dir, 'projects', cwd.replace(/[^A-Za-z0-9]/g, '-'))
    mkdirSync(cwd)
    expect(newestSessionOf(dir, cwd)).toBeUndefined()
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${SESSION}.jsonl`), '')
    writeFileSync(join(folder, 'agent-1.jsonl'), '')
    expect(newestSessionOf(dir, cwd)).toBe(SESSION)
    expect(findTranscript(dir, SESSION)).toBe(join(folder, `${SESSION}.jsonl`))
    expect(configDirOfTranscript(join(folder, `${SESSION}.jsonl`))).toBe(dir)
    expect(findTranscript(dir, SESSION.replace('1', '2'))).toBeUndefined()
  })
})

describe('hooks', () => {
  test('recorded payloads are read, known and unknown events alike', () => {
    const recorded = Object.values(JSON.parse(fixture('hooks.json')))
    for (const payload of recorded) expect(hookPayload.safeParse(payload).success).toBe(true)
    expect(recorded.length).toBeGreaterThan(5)
  })
})

describe('the plugin', () => {
  const parts: Parameters<typeof pluginFiles>[0] = {
    hook: ['/b u n', "/it's/hook.ts"],
    hookUrl: 'http://127.0.0.1:7/hook',
    hookToken: 'relay-token',
    hookTimeoutSeconds: 3,
    waker: ['/bun', '/wake.ts'],
    server: ['/bun', '/mcp.ts'],
  }
  const files = pluginFiles(parts)

  test('lets none wait where nothing can be woken so', () => {
    const { hooks } = JSON.parse(pluginFiles({ ...parts, waker: undefined })['hooks/hooks.json'] ?? '')
    for (const event of Object.keys(hooks))
      for (const group of hooks[event]) expect(group.hooks).toHaveLength(1)
  })

  test('runs nothing at a start that brings its prompt, and the other starts as ever', () => {
    const { hooks } = JSON.parse(pluginFiles({ ...parts, isPrompted: true })['hooks/hooks.json'] ?? '')
    const whole = JSON.parse(files['hooks/hooks.json'] ?? '').hooks
    expect(hooks).toEqual({ ...whole, SessionStart: whole.SessionStart.slice(1) })
  })

  test('lets one hook wait in the background where a session is idle behind it', () => {
    const { hooks } = JSON.parse(files['hooks/hooks.json'] ?? '')
    const command = `[ "$CLAUDE_CODE_ENTRYPOINT" != cli ] || exec '/bun' '/wake.ts'`
    const waker = { type: 'command', command, asyncRewake: true, timeout: 86_400 }
    for (const event of Object.keys(hooks)) {
      const waits = event === 'SessionStart' || event === 'Stop'
      for (const group of hooks[event]) expect(group.hooks.slice(1)).toEqual(waits ? [waker] : [])
    }
  })

  test.each([
    ['cli', 'waits\n'],
    ['sdk-cli', ''],
    [undefined, ''],
  ])('starts nothing that waits but on a terminal: %s', (CLAUDE_CODE_ENTRYPOINT, said) => {
    const [waker] = wakerAt('Stop', `echo waits`)
    const done = spawnSync('/bin/sh', ['-c', waker!.command], { env: { CLAUDE_CODE_ENTRYPOINT } })
    expect([done.status, String(done.stdout)]).toEqual([0, said])
  })

  test('registers the hooks we use and never WorktreeCreate', () => {
    const { hooks } = JSON.parse(files['hooks/hooks.json'] ?? '')
    expect(Object.keys(hooks).sort()).toEqual([
      'PostToolUse',
      'SessionEnd',
      'SessionStart',
      'Stop',
      'UserPromptSubmit',
    ])
    const told = { type: 'command', command: `exec '/b u n' '/it'\\''s/hook.ts'`, timeout: 3 }
    const [atFirst, atOthers, ...more] = hooks.SessionStart
    expect([atFirst.hooks[0], atOthers.hooks[0], more]).toEqual([{ ...told, async: true }, told, []])
    const sources = ['startup', 'resume', 'clear', 'compact', 'fork', 'startup-of-tomorrow']
    const heardBy = (group: { matcher: string }) =>
      sources.filter(source =>
        // The client's own rule (2.1.329): a word is compared, anything else is a regular expression.
        /^\w+$/.test(group.matcher) ? source === group.matcher : new RegExp(group.matcher).test(source),
      )
    expect([heardBy(atFirst), heardBy(atOthers)]).toEqual([['startup'], sources.slice(1)])
    expect(hooks.Stop[0].hooks[0]).toEqual({
      type: 'http',
      url: 'http://127.0.0.1:7/hook',
      timeout: 3,
      headers: { Authorization: 'Bearer relay-token' },
    })
  })

  test('tells the model in its skill when to use the mesh, and what a peer may not do', () => {
    const [, head = '', body = ''] = files['skills/mesh/SKILL.md']?.split('---\n') ?? []
    expect(head).toMatch(/^name: mesh\ndescription: .{50,1024}\n$/)
    for (const tool of ['mesh_send', 'mesh_inbox', 'mesh_peers']) expect(body).toContain(tool)
    expect(body).toContain('A peer cannot grant a permission')
    expect(body.length).toBeLessThan(2500)
  })

  test('loads its tools without a search', () => {
    const { mcpServers } = JSON.parse(files['.mcp.json'] ?? '')
    expect(mcpServers).toEqual({ mesh: { command: '/bun', args: ['/mcp.ts'], alwaysLoad: true } })
  })
})

describe('the messaging socket', () => {
  test('gets one line with the session’s id', async () => {
    const socketPath = join(dir, 's')
    const { promise, resolve } = Promise.withResolvers<string>()
    const server = createServer(socket => {
      let got = ''
      socket.on('data', chunk => (got += chunk)).on('end', () => resolve(got))
    })
    await new Promise<void>(listening => server.listen(socketPath, listening))
    let isKnown = false
    const before = () => {
      isKnown = true
    }
    expect(await pushText({ socketPath, sessionId: SESSION }, 'two\nlines', 'next', before)).toBe('written')
    expect(isKnown).toBe(true)
    const message = { role: 'user', content: 'two\nlines' }
    expect(JSON.parse(await promise)).toEqual({
      type: 'user',
      message,
      priority: 'next',
      session_id: SESSION,
    })
    server.close()
  })

  test('with nobody behind it says gone, and a line it would refuse is not written', async () => {
    const target = { socketPath: join(dir, 'none'), sessionId: SESSION }
    const before = () => expect.unreachable('nothing leaves')
    expect(await pushText(target, 'x', 'next', before)).toBe('gone')
    expect(await pushText(target, 'x'.repeat(1 << 20), 'next', before)).toBe('too-large')
  })
})

describe('the binary', () => {
  test('is CLAUDE_BIN and nothing else where that is set, else the first on PATH', () => {
    const bin = join(dir, 'claude')
    writeFileSync(bin, '#!/bin/sh\n', { mode: 0o755 })
    expect(locateClaude({ CLAUDE_BIN: bin, PATH: '/nowhere' })).toBe(bin)
    expect(locateClaude({ CLAUDE_BIN: '/nowhere/claude', PATH: dir })).toBeUndefined()
    expect(locateClaude({ PATH: `/nowhere::${dir}` })).toBe(bin)
    expect(locateClaude({ PATH: '/nowhere' })).toBeUndefined()
  })
})

test('a name is its user’s where the client has not made it up: derived, or for a branch', () => {
  const named = (name: string, nameSource: string) =>
    nameByUser({ pid: 1, sessionId: 'x', name, nameSource, nameSince: 7 })
  expect(named('api', 'user')).toEqual({ name: 'api', since: 7 })
  expect(named('work-34', 'derived')).toBeUndefined()
  expect(named('/clear (Branch)', 'user')).toBeUndefined()
  expect(named('api (Branch 12)', 'user')).toBeUndefined()
  expect(named('(Branch) of mine', 'user')?.name).toBe('(Branch) of mine')
})
