import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { callDaemon } from '../../src/api/client.ts'
import type { Peer } from '../../src/api/schema.ts'
import { scratchFolder } from './scratch.ts'
import { type Machine, pair, readToken } from './world.ts'

afterAll(stopSharedPostgres)

const uuid = (n: number): string => `${n}${n}${n}${n}${n}${n}${n}${n}-2222-4333-8444-555555555555`
const [A, B, C, D, E] = [uuid(1), uuid(2), uuid(3), uuid(4), uuid(5)] as [
  string,
  string,
  string,
  string,
  string,
]

function program(): ChildProcess & { pid: number } {
  const child = spawn('sleep', ['1000'])
  onTestFinished(() => void child.kill('SIGKILL'))
  return child as ChildProcess & { pid: number }
}

/** What a claude in this process tells by its hooks, with the token of the session it was launched as. */
const claudeOf = (at: Machine, pid: number, token: string) => ({
  hook: (session_id: string, hook_event_name: string, more: object = {}) =>
    at.call('hook', { token, body: { session_id, hook_event_name, pid, ...more } }),
})

interface Row {
  uuid: string
  session: string
  name: string
  open: boolean
}
const rows = (at: Machine): Promise<Row[]> => at.call('sessions')
const row = async (at: Machine, id: string): Promise<Row | undefined> =>
  (await rows(at)).find(each => each.uuid === id)
const bobs = async (alice: Machine): Promise<Peer[]> =>
  (await alice.peers()).filter(({ person, session }) => person === 'bob' && session !== null)
const shown = (peers: Peer[]): string[] =>
  peers.map(each => `${each.name} ${each.uuid?.slice(0, 4)} ${each.status}`)
const shows = (alice: Machine, what: string[]) =>
  expect.poll(async () => shown(await bobs(alice)).toSorted(), { timeout: 15_000 }).toEqual(what)
const texts = async (at: Machine, as: string): Promise<string[]> =>
  (await at.inbox({ as, all: true, peek: true })).map(({ text }) => text)

test('/clear: one session goes on under a new UUID, with its key, name and mail; the old UUID has no key any more', async () => {
  const { alice, bob } = await pair()
  const { pid } = program()
  const opened = await bob.open(A, { name: 'web', kind: 'claude', deliver: 'inbox', pid })
  const claude = claudeOf(bob, pid, await readToken(opened.tokenFile))
  await claude.hook(A, 'SessionStart', { source: 'startup' })
  await shows(alice, ['bob/web 1111 idle'])
  await alice.send('bob/web', 'before')
  await claude.hook(A, 'SessionEnd', { reason: 'clear' })
  await alice.send('bob/web', 'between')
  await claude.hook(B, 'SessionStart', { source: 'clear' })
  await shows(alice, ['bob/web 2222 idle'])
  expect((await bobs(alice))[0]!.session).toBe(opened.session)

  const byOld = await alice.send(A, 'by the old UUID')
  expect(byOld.recipients).toMatchObject([{ to: 'bob/web', session: opened.session }])
  await alice.send(B.slice(0, 8), 'by the new one')
  const all = ['before', 'between', 'by the old UUID', 'by the new one']
  expect(await texts(bob, 'web')).toEqual(all)
  const keys = () => readdirSync(join(bob.home, 'sessions'), { recursive: true, encoding: 'utf8' })
  expect(keys().some(name => name.endsWith(`${B}.json`))).toBe(true)
  expect(keys().some(name => name.endsWith(`${A}.json`))).toBe(false)

  await bob.stop()
  await bob.start()
  expect(await rows(bob)).toMatchObject([{ uuid: B, session: opened.session, name: 'web', open: true }])
  await alice.send('bob/web', 'after a restart')
  expect(await texts(bob, B)).toEqual([...all, 'after a restart'])

  // Who resumes the old conversation sits in a session of its own, and has its UUID from then on.
  const resumed = await bob.open(A, { name: 'old', kind: 'claude', deliver: 'inbox', pid: program().pid })
  expect(resumed.session).not.toBe(opened.session)
  await shows(alice, ['bob/old 1111 idle', 'bob/web 2222 idle'])
  expect((await alice.send(A, 'to who has it now')).recipients).toMatchObject([{ to: 'bob/old' }])
  expect(await texts(bob, 'old')).toEqual(['to who has it now'])
})

test('/branch and /resume: the process sits down in the other session, the one it left is closed; compaction changes nothing', async () => {
  const { alice, bob } = await pair()
  const { pid } = program()
  const opened = await bob.open(A, { name: 'web', groups: ['core'], kind: 'claude', deliver: 'inbox', pid })
  const token = await readToken(opened.tokenFile)
  const claude = claudeOf(bob, pid, token)
  await claude.hook(A, 'SessionStart', { source: 'startup' })
  await claude.hook(A, 'SessionStart', { source: 'compact' })
  await shows(alice, ['bob/web 1111 idle'])

  await claude.hook(A, 'SessionEnd', { reason: 'resume' })
  await claude.hook(C, 'SessionStart', { source: 'fork' })
  await shows(alice, ['bob/web 1111 closed', 'bob/web-2 3333 idle'])
  const branch = (await row(bob, C))!
  expect(branch.session).not.toBe(opened.session)
  expect((await bobs(alice)).find(({ uuid }) => uuid === C)?.groups).toEqual(['core'])
  // The token of the process speaks for where it sits now.
  await bob.call('send', { token, body: { to: ['alice'], text: 'from the branch' } })
  expect((await alice.next()).fromName).toBe('bob/web-2')
  const held = await alice.send('bob/web', 'for the one it left')
  await expect
    .poll(async () => (await alice.trace(held.id)).map(({ state, why }) => `${state} ${why ?? ''}`))
    .toContain('held closed')

  await claude.hook(C, 'SessionEnd', { reason: 'resume' })
  await claude.hook(A, 'SessionStart', { source: 'resume' })
  await shows(alice, ['bob/web 1111 idle', 'bob/web-2 3333 closed'])
  expect((await row(bob, A))!.session).toBe(opened.session)
  expect((await bob.inbox({}, token)).map(({ text }) => text)).toEqual(['for the one it left'])

  // One that never had a key gets one, and the name that only a closed session has.
  await claude.hook(A, 'SessionEnd', { reason: 'resume' })
  await claude.hook(D, 'SessionStart', { source: 'resume' })
  await shows(alice, ['bob/web 1111 closed', 'bob/web-2 3333 closed', 'bob/web-2 4444 idle'])
  await bob.call('closeSession', { params: { uuid: A }, body: { pid } })
  await shows(alice, ['bob/web 1111 closed', 'bob/web-2 3333 closed', 'bob/web-2 4444 closed'])
})

test('a copy in a process of its own is a session of its own, as long as that process lives; a strange start changes nothing', async () => {
  const { alice, bob } = await pair()
  const [original, copy, nested] = [program(), program(), program()]
  const opened = await bob.open(A, { name: 'web', kind: 'claude', deliver: 'inbox', pid: original.pid })
  const token = await readToken(opened.tokenFile)
  const claude = claudeOf(bob, original.pid, token)
  await claude.hook(A, 'SessionStart', { source: 'startup' })
  const copied = claudeOf(bob, copy.pid, token)
  await copied.hook(D, 'SessionStart', { source: 'fork' })
  await shows(alice, ['bob/web 1111 idle', 'bob/web-2 4444 idle'])
  await claudeOf(bob, nested.pid, token).hook(E, 'SessionStart', { source: 'startup' })
  await copied.hook(D, 'UserPromptSubmit')
  await shows(alice, ['bob/web 1111 idle', 'bob/web-2 4444 working'])

  // It carries the token of the original, and says which Claude session it is.
  const call = (id: string, text: string) => {
    process.env.CLAUDE_CODE_SESSION_ID = id
    const body = { to: ['alice'], text, wait: 'delivered' }
    return callDaemon('send', { home: bob.home, token, body }).finally(
      () => delete process.env.CLAUDE_CODE_SESSION_ID,
    )
  }
  await call(D, 'by the copy')
  await call(A, 'by the original')
  expect((await alice.inbox({ all: true })).map(({ fromName, text }) => `${fromName} ${text}`)).toEqual([
    'bob/web-2 by the copy',
    'bob/web by the original',
  ])
  await copied.hook(D, 'SessionEnd', { reason: 'clear' })
  await copied.hook(E, 'SessionStart', { source: 'clear' })
  await shows(alice, ['bob/web 1111 idle', 'bob/web-2 5555 idle'])
  copy.kill('SIGKILL')
  await shows(alice, ['bob/web 1111 idle', 'bob/web-2 5555 closed'])
})

test('two processes on one session are told, and nothing is pushed into either until one has ended', async () => {
  const { alice, bob } = await pair()
  const config = scratchFolder()
  mkdirSync(join(config, 'sessions'), { recursive: true })
  const pushed: string[] = []
  const runs = (): ChildProcess & { pid: number } => {
    const child = program()
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
    const messagingSocketPath = join(config, `${child.pid}.sock`)
    const server = createServer(socket => socket.on('data', data => pushed.push(`${child.pid} ${data}`)))
    server.listen(messagingSocketPath)
    onTestFinished(() => void server.close())
    const procStart = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    const told = { pid: child.pid, sessionId: A, procStart, messagingSocketPath, status: 'idle' }
    writeFileSync(
      join(config, 'sessions', `${child.pid}.json`),
      JSON.stringify({ ...told, statusUpdatedAt: Date.now() }),
    )
    return child
  }
  const first = runs()
  const opened = await bob.open(A, { name: 'web', kind: 'claude', deliver: 'push', pid: first.pid })
  const claude = claudeOf(bob, first.pid, await readToken(opened.tokenFile))
  await claude.hook(A, 'SessionStart', {
    source: 'startup',
    transcript_path: join(config, 'projects', 'p', `${A}.jsonl`),
  })
  await shows(alice, ['bob/web 1111 idle'])
  const second = runs()
  const { id } = await alice.send('bob/web', 'to one of two')
  const story = async () => (await alice.trace(id)).map(({ state, why }) => `${state} ${why ?? ''}`.trim())
  await expect.poll(story, { timeout: 15_000 }).toContain('held two-processes')
  const said = `web runs in processes ${[first.pid, second.pid].toSorted((a, b) => a - b).join(' and ')}`
  const sorted = (message: string) =>
    message.replace(/(\d+) and (\d+)/, (_, a, b) =>
      [a, b]
        .map(Number)
        .toSorted((x, y) => x - y)
        .join(' and '),
    )
  const { problems } = await bob.call<{ problems: { message: string }[] }>('status')
  expect(problems.map(({ message }) => sorted(message))).toEqual([expect.stringContaining(said)])
  const checks = await bob.call<{ ok: boolean; message: string }[]>('doctor')
  expect(checks.filter(({ ok }) => !ok).map(({ message }) => sorted(message))).toContainEqual(
    expect.stringContaining(said),
  )
  expect((await bob.call<{ processes: number[] }[]>('sessions'))[0]!.processes).toHaveLength(2)
  expect(pushed).toEqual([])
  second.kill('SIGKILL')
  await expect.poll(() => pushed.length, { timeout: 15_000 }).toBe(1)
  expect(pushed[0]).toMatch(new RegExp(`^${first.pid} .*to one of two`))
})

test('mail to the person goes to the session named, else to the one used last, else to the next that opens; to one alone', async () => {
  const { alice, bob } = await pair()
  const early = await bob.open(A, { name: 'early' })
  await bob.open(B, { name: 'late' })
  const to = async (whom: string, text: string) => void (await alice.send(whom, text))
  await to('bob', 'to who was opened last')
  expect(await texts(bob, 'late')).toEqual(['to who was opened last'])
  const status = { session_id: A, status: 'working' }
  await bob.call('setStatus', { token: await readToken(early.tokenFile), body: status })
  await to('bob', 'to who was used last')
  await to('bob/late', 'to who was named')
  expect(await texts(bob, 'early')).toEqual(['to who was used last'])
  expect(await texts(bob, 'late')).toEqual(['to who was opened last', 'to who was named'])

  // Read mail stays where it was read, the rest of the person's goes on; what named a session waits for it.
  await bob.inbox({ as: 'early' })
  for (const uuid of [A, B]) await bob.call('closeSession', { params: { uuid } })
  await to('bob', 'to nobody yet')
  await bob.open(C, { name: 'next' })
  expect(await texts(bob, 'next')).toEqual(['to who was opened last', 'to nobody yet'])
  await bob.open(B)
  expect(await texts(bob, 'late')).toEqual(['to who was named'])
})
