import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { scratchFolder } from './scratch.ts'
import { broker, machine, pair, readToken } from './world.ts'

afterAll(stopSharedPostgres)

const UUID = '11111111-2222-4333-8444-555555555555'

test('a claude session has the status that hooks tell, then what Claude says of itself, and dnd above both', async () => {
  const { alice, bob } = await pair()
  const config = scratchFolder()
  const child = spawn('sleep', ['1000'])
  onTestFinished(() => void child.kill('SIGKILL'))
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
  const procStart = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  mkdirSync(join(config, 'sessions'), { recursive: true })
  const says = (status: string) =>
    writeFileSync(
      join(config, 'sessions', `${child.pid}.json`),
      JSON.stringify({
        pid: child.pid,
        sessionId: UUID,
        procStart,
        status,
        statusUpdatedAt: Date.now() + 1000,
      }),
    )
  const opened = await bob.open(UUID, { name: 'api', kind: 'claude', deliver: 'inbox', pid: child.pid })
  const token = await readToken(opened.tokenFile)
  const hook = (hook_event_name: string) =>
    bob.call('hook', {
      token,
      body: {
        session_id: UUID,
        hook_event_name,
        transcript_path: join(config, 'projects', 'p', `${UUID}.jsonl`),
      },
    })
  const seen = async () => {
    const peer = (await alice.peers()).find(each => each.name === 'bob/api')
    return `${peer?.status} ${peer?.statusSource}`
  }
  const shows = (what: string) => expect.poll(seen, { timeout: 10_000 }).toBe(what)
  await shows('idle daemon')
  await hook('UserPromptSubmit')
  await shows('working hook')
  says('waiting')
  await shows('waiting sessions-file')
  await bob.call('presence', { body: { status: 'dnd' } })
  await shows('dnd manual')
  await hook('Stop')
  says('idle')
  await bob.call('presence', { body: { summary: 'quiet' } })
  await expect
    .poll(async () => (await alice.peers()).find(peer => peer.name === 'bob/api')?.summary)
    .toBe('quiet')
  expect(await seen()).toBe('dnd manual')
  await bob.call('presence', { token, body: { status: 'idle' } })
  await shows('idle manual')
})

test('without a sessions file the transcript ends a turn that no hook ends, and a dialog says for what it waits', async () => {
  const { alice, bob } = await pair()
  const config = scratchFolder()
  const child = spawn('sleep', ['1000'])
  onTestFinished(() => void child.kill('SIGKILL'))
  const { tokenFile } = await bob.open(UUID, {
    name: 'api',
    kind: 'claude',
    deliver: 'inbox',
    pid: child.pid,
  })
  const transcript = join(config, 'projects', 'p', `${UUID}.jsonl`)
  mkdirSync(join(config, 'projects', 'p'), { recursive: true })
  await bob.call('hook', {
    token: await readToken(tokenFile),
    body: { session_id: UUID, hook_event_name: 'UserPromptSubmit', transcript_path: transcript },
  })
  const peer = async () => (await alice.peers()).find(each => each.name === 'bob/api')
  const shows = (what: object) => expect.poll(peer, { timeout: 10_000 }).toMatchObject(what)
  await shows({ status: 'working', statusSource: 'hook' })
  const interruptedAt = Date.now() + 5
  writeFileSync(
    transcript,
    `${JSON.stringify({
      type: 'user',
      timestamp: new Date(interruptedAt).toISOString(),
      message: { content: [{ type: 'text', text: '[Request interrupted by user]' }] },
    })}\n`,
  )
  await shows({ status: 'idle', statusSource: 'transcript', statusAt: interruptedAt })
  mkdirSync(join(config, 'sessions'))
  writeFileSync(
    join(config, 'sessions', `${child.pid}.json`),
    JSON.stringify({
      pid: child.pid,
      sessionId: UUID,
      status: 'waiting',
      statusUpdatedAt: interruptedAt + 1,
      waitingFor: 'permission to use Bash',
    }),
  )
  await shows({ status: 'waiting', statusSource: 'sessions-file', waitingFor: 'permission to use Bash' })
})

test('two sessions of one directory: a turn of ten minutes, a machine that slept in it, and its end without a word; then no folder any more', async () => {
  const server = await broker()
  let ahead = 0
  const bob = await machine(() => Date.now() + ahead)
  await bob.call('createMesh', { body: { name: 'home', broker: server.url, memberName: 'bob' } })
  const config = scratchFolder()
  mkdirSync(join(config, 'sessions'), { recursive: true })
  const other = `2${UUID.slice(1)}`
  const runs = async (uuid: string) => {
    const child = spawn('sleep', ['1000'])
    onTestFinished(() => void child.kill('SIGKILL'))
    const { tokenFile } = await bob.open(uuid, { kind: 'claude', pid: child.pid, directory: '/the/same' })
    const body = {
      session_id: uuid,
      hook_event_name: 'SessionStart',
      transcript_path: join(config, 'projects', 'p', `${uuid}.jsonl`),
    }
    await bob.call('hook', { token: await readToken(tokenFile), body })
    return (status: string) =>
      writeFileSync(
        join(config, 'sessions', `${child.pid}.json`),
        JSON.stringify({ pid: child.pid, sessionId: uuid, status, statusUpdatedAt: Date.now() + ahead }),
      )
  }
  const [long, quiet] = [await runs(UUID), await runs(other)]
  const shows = (...statuses: string[]) =>
    expect
      .poll(
        async () => {
          const rows = await bob.call<{ uuid: string; status: string }[]>('sessions')
          return [UUID, other].map(uuid => rows.find(row => row.uuid === uuid)?.status)
        },
        { timeout: 10_000 },
      )
      .toEqual(statuses)
  long('busy')
  quiet('idle')
  await shows('working', 'idle')
  for (const minutes of [10, 600]) {
    ahead = minutes * 60_000
    // The other's word shows that the daemon has looked again since.
    quiet(minutes === 10 ? 'waiting' : 'idle')
    await shows('working', minutes === 10 ? 'waiting' : 'idle')
  }
  long('idle')
  quiet('busy')
  await shows('idle', 'working')
  rmSync(join(config, 'sessions'), { recursive: true })
  ahead += 61_000
  await shows('idle', 'idle')
})

test('a turn that an earlier life of the daemon was told of, and nobody since, does not last for ever', async () => {
  const server = await broker()
  let ahead = 0
  const bob = await machine(() => Date.now() + ahead)
  await bob.call('createMesh', { body: { name: 'home', broker: server.url, memberName: 'bob' } })
  const { tokenFile } = await bob.open(UUID, { name: 'ci' })
  const body = { session_id: UUID, status: 'working' }
  await bob.call('setStatus', { token: await readToken(tokenFile), body })
  const status = async () => {
    const sessions = await bob.call<{ uuid: string; status: string }[]>('sessions')
    return sessions.find(({ uuid }) => uuid === UUID)?.status
  }
  expect(await status()).toBe('working')
  await bob.stop()
  await bob.start()
  expect(await status()).toBe('working')
  ahead = 61_000
  await expect.poll(status, { timeout: 10_000 }).toBe('idle')
})

test('the hook of its start is one a turn may overtake: what the turn said stands, and a session nobody spoke of is idle', async () => {
  const bob = await machine()
  await bob.call('createMesh', {
    body: { name: 'home', broker: (await broker()).url, memberName: 'bob' },
  })
  const { tokenFile } = await bob.open(UUID, { name: 'api', kind: 'claude', deliver: 'inbox' })
  const token = await readToken(tokenFile)
  const hook = (hook_event_name: string, source?: string) =>
    bob.call('hook', { token, body: { session_id: UUID, hook_event_name, source } })
  const seen = async () => {
    const sessions = await bob.call<{ status: string }[]>('sessions')
    return sessions.map(({ status }) => status)
  }
  await hook('SessionStart', 'startup')
  expect(await seen()).toEqual(['idle'])
  await hook('UserPromptSubmit')
  await hook('SessionStart', 'startup')
  expect(await seen()).toEqual(['working'])
  await hook('SessionStart', 'compact')
  expect(await seen()).toEqual(['idle'])
})
