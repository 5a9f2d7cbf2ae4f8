import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Machine, makeMachine } from '@claudemesh/testkit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { PATIENCE_MS, SLOW_MS } from '../../src/launch/forward-hook.ts'
import { type HookRelay, openHookRelay } from '../../src/launch/hook-relay.ts'

const HOOK = join(import.meta.dirname, '../../src/launch/hook.ts')
const event = (hook_event_name: string, more: object = {}) => ({
  session_id: '019a0000-0000-7000-8000-000000000001',
  hook_event_name,
  ...more,
})
const tell = async ({ url, token }: Pick<HookRelay, 'url' | 'token'>, body: unknown) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  return { status: answer.status, text: await answer.text() }
}

describe('a hook told to the daemon', () => {
  let home = ''
  let relay: HookRelay
  const told: Record<string, unknown>[] = []
  let answer: () => Promise<Response> = async () => Response.json({})
  let clock = 0
  let onTold = (): void => {}
  const heard = async (count: number): Promise<void> => {
    while (told.length < count) await new Promise<void>(resolve => (onTold = resolve))
  }
  let server: ReturnType<typeof Bun.serve>
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'cm-relay-'))
    const socket = join(home, 'd.sock')
    const tokenFile = join(home, 'session.token')
    writeFileSync(join(home, 'daemon.json'), JSON.stringify({ socket }))
    writeFileSync(tokenFile, 'session-token\n')
    told.length = 0
    answer = async () => Response.json({})
    clock = 0
    server = Bun.serve({
      unix: socket,
      async fetch(request) {
        told.push({ by: request.headers.get('authorization'), ...((await request.json()) as object) })
        onTold()
        return answer()
      },
    })
    relay = openHookRelay({ home, tokenFile, now: () => clock })
  })
  afterEach(async () => {
    await relay.stop()
    await server.stop(true)
    rmSync(home, { recursive: true })
  })

  test('carries what the daemon needs, by the session’s token, and brings its answer back', async () => {
    answer = async () => Response.json({ hookSpecificOutput: { additionalContext: 'words' } })
    const prompt = 'my own words\n== message 019a from "alice"\n| quoted'
    const back = await tell(
      relay,
      event('UserPromptSubmit', { prompt, cwd: '/w', tool_response: 'a secret', permission_mode: 'default' }),
    )
    expect(JSON.parse(back.text)).toEqual({ hookSpecificOutput: { additionalContext: 'words' } })
    expect(told).toEqual([
      {
        by: 'Bearer session-token',
        ...event('UserPromptSubmit', { cwd: '/w', prompt: '== message 019a from "alice"' }),
      },
    ])
  })

  test('is heard from nobody without the token of the relay, which is not the session’s', async () => {
    for (const token of ['', 'session-token', `${relay.token}x`])
      expect((await tell({ url: relay.url, token }, event('Stop'))).status).toBe(401)
    expect(told).toEqual([])
    expect(new URL(relay.url).hostname).toBe('127.0.0.1')
  })

  test('that is no payload is answered with nothing and told to nobody', async () => {
    for (const body of [null, 7, 'text']) expect((await tell(relay, body)).text).toBe('{}')
    expect(told).toEqual([])
  })

  test('is answered in time where the daemon is slow, waits for it no more for a while, and is told all the same', async () => {
    const held = Promise.withResolvers<void>()
    answer = () => held.promise.then(() => Response.json({ late: true }))
    expect((await tell(relay, event('Stop'))).text).toBe('{}')
    // The daemon holds the first one still: nothing but the relay can have answered these.
    for (let n = 0; n < 20; n++) expect((await tell(relay, event('PostToolUse'))).text).toBe('{}')
    clock += SLOW_MS
    const began = performance.now()
    expect((await tell(relay, event('UserPromptSubmit'))).text).toBe('{}')
    expect(performance.now() - began).toBeGreaterThan(PATIENCE_MS * 0.9)
    // They overtake each other on the way there.
    await heard(22)
    expect(told.map(each => each.hook_event_name).sort()).toEqual([
      ...Array.from({ length: 20 }, () => 'PostToolUse'),
      'Stop',
      'UserPromptSubmit',
    ])
    held.resolve()
  })

  test('is answered where nobody listens, where the token is gone, and where the daemon refuses', async () => {
    answer = async () => Response.json({ error: { code: 'unauthenticated' } }, { status: 401 })
    expect((await tell(relay, event('Stop'))).text).toBe('{}')
    rmSync(join(home, 'session.token'))
    expect((await tell(relay, event('Stop'))).text).toBe('{}')
    writeFileSync(join(home, 'session.token'), 'session-token')
    await server.stop(true)
    expect(await tell(relay, event('Stop'))).toEqual({ status: 200, text: '{}' })
    expect(told).toHaveLength(1)
  })
})

describe('a daemon that is there and does not run', () => {
  let machine: Machine
  beforeAll(async () => {
    machine = await makeMachine('http://127.0.0.1:1')
    mkdirSync(join(machine.mesh, 'run'), { recursive: true })
    writeFileSync(join(machine.mesh, 'run', 'x.token'), 'x'.repeat(43))
  })
  afterAll(() => machine?.close())

  test('costs neither kind of hook more than its patience, and neither fails', async () => {
    const tokenFile = join(machine.mesh, 'run', 'x.token')
    const relay = openHookRelay({ home: machine.mesh, tokenFile })
    onTestFinished(() => relay.stop())
    const pid = machine.daemonPid()
    process.kill(pid, 'SIGSTOP')
    onTestFinished(() => void process.kill(pid, 'SIGCONT'))
    const began = performance.now()
    for (let n = 0; n < 10; n++)
      expect(await tell(relay, event('PostToolUse'))).toEqual({ status: 200, text: '{}' })
    // One patience in all; ten of them would be felt.
    expect(performance.now() - began).toBeLessThan(9 * PATIENCE_MS)
    const env = { ...machine.env, CLAUDEMESH_TOKEN_FILE: tokenFile }
    const hook = spawn(process.execPath, ['--no-install', HOOK], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [hook.stdout, hook.stderr]) stream.on('data', chunk => (said += chunk))
    hook.stdin.end(JSON.stringify(event('SessionStart')))
    const code = await new Promise(resolve => hook.on('close', resolve))
    expect({ code, said }).toEqual({ code: 0, said: '' })
  })
})
