/** What a session of the mesh costs beside a bare claude: each hook, the status line, the start, and the daemon that watches. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  claudeForTests,
  type Machine,
  type ModelStub,
  makeMachine,
  runIn,
  sessionFile,
  startModelStub,
} from '@claudemesh/testkit'
import { cpuTime, residentBytes } from './cpu-time.ts'
import type { Case } from './report.ts'
import { startStack } from './stack.ts'
import { quantile } from './stats.ts'

export interface SessionPlan {
  /** Hooks by http, and again as many by command. */
  readonly hooks: number
  readonly starts: number
  readonly watched: number
  readonly idleMs: number
}

const LAUNCHER = new URL('../../cli/bin/claudemesh', import.meta.url).pathname

/** Needs the real client (CLAUDE_BIN, or on PATH): throws without one. */
export async function measureSessionCost(plan: SessionPlan): Promise<Case[]> {
  const claude = claudeForTests()
  if (claude === undefined)
    throw new Error('the part `sessions` needs claude: set CLAUDE_BIN or put it on PATH')
  const model = startModelStub()
  const stops: (() => unknown)[] = [() => model.close()]
  try {
    const stack = await startStack()
    stops.push(() => stack.stop())
    const machine = await makeMachine(model.url, { CLAUDE_BIN: claude })
    stops.push(() => machine.close())
    const broker = `http://127.0.0.1:${stack.port}`
    await machine.json('mesh', 'create', 'home', '--broker', broker, '--as-name', 'alice')
    return [
      ...(await hookCosts(machine, plan.hooks)),
      ...(await startCosts(machine, model, claude, plan.starts)),
      ...(await idleCosts(machine, plan)),
    ]
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

/** By the very URL and command lines that a launched session was given. */
async function hookCosts(machine: Machine, times: number): Promise<Case[]> {
  const [bun, ...args] = machine.command('launch', '--headless', '--name', 'bench')
  const launch = spawn(bun!, args, {
    cwd: machine.cwd,
    env: machine.env,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const gone = new Promise(resolve => launch.once('exit', resolve))
  try {
    const { sessionId } = await sessionFile(machine, file => file.status !== undefined)
    const plugin = join(machine.mesh, 'run', `${sessionId}.plugin`)
    const { hooks } = JSON.parse(readFileSync(join(plugin, 'hooks/hooks.json'), 'utf8'))
    const { url, headers } = hooks.PostToolUse[0].hooks[0]
    const body = JSON.stringify({
      session_id: sessionId,
      hook_event_name: 'PostToolUse',
      tool_response: 'x'.repeat(2000),
    })
    const http = await timed(times, () =>
      fetch(url, { method: 'POST', headers, body }).then(answer => answer.text()),
    )
    const env = {
      ...machine.env,
      CLAUDEMESH_HOME: machine.mesh,
      CLAUDEMESH_TOKEN_FILE: join(machine.mesh, 'run', `${sessionId}.token`),
    }
    const start = JSON.stringify({
      session_id: sessionId,
      hook_event_name: 'SessionStart',
      source: 'compact',
    })
    const shell = (command: string) => timed(times / 5, () => inShell(command, env, start))
    const command = await shell(hooks.SessionStart[0].hooks[0].command)
    const { statusLine } = JSON.parse(readFileSync(join(plugin, 'settings.json'), 'utf8'))
    const line = await shell(statusLine.command)
    return [spread('hook by http', http), spread('hook by command', command), spread('status line', line)]
  } finally {
    launch.kill('SIGTERM')
    await gone
  }
}

/** A prompt, bare and launched by turns: until the model is first asked, and the whole of it. */
async function startCosts(
  machine: Machine,
  model: ModelStub,
  claude: string,
  times: number,
): Promise<Case[]> {
  const prompt = ['-p', 'SAY hello']
  const bare: Run[] = []
  const launched: Run[] = []
  for (let n = 0; n < times; n++) {
    bare.push(await ran(machine, model, [claude, ...prompt]))
    launched.push(await ran(machine, model, [LAUNCHER, 'launch', '--', ...prompt]))
  }
  const part = (name: string, of: (run: Run) => number): Case[] => {
    const [without, by] = [
      spread(`${name}, bare`, bare.map(of)),
      spread(`${name}, launched`, launched.map(of)),
    ]
    return [without, by, { name: `launch adds: ${name}`, unit: 'ms', value: by.value - without.value }]
  }
  return [
    ...part('claude -p to its first request', ({ askedMs }) => askedMs),
    ...part('claude -p to its end', ({ endedMs }) => endedMs),
  ]
}

/** Processes with the files that claude writes of itself: to the daemon they are sessions that do nothing. */
async function idleCosts(machine: Machine, { watched, idleMs }: SessionPlan): Promise<Case[]> {
  const idle: ChildProcess[] = []
  try {
    const token = readFileSync(join(machine.mesh, 'token'), 'utf8').trim()
    for (let n = 0; n < watched; n++) {
      const child = spawn('sleep', ['86400'], { stdio: 'ignore' })
      idle.push(child)
      await watch(machine, token, child.pid!)
    }
    const pid = machine.daemonPid()
    await machine.json('peers')
    // Behind a burst the daemon gives memory back, and compiles again what that let go of: that is no idling yet.
    const opened = await shareOfCore(pid, idleMs)
    const share = await shareOfCore(pid, idleMs)
    const open = readdirSync(join(machine.mesh, 'run')).filter(name => name.endsWith('.token')).length
    if (open !== watched) throw new Error(`${open} of ${watched} sessions are watched`)
    return [
      { name: `daemon, ${watched} sessions idle: memory`, unit: 'MiB', value: residentBytes(pid) / 2 ** 20 },
      { name: `daemon, ${watched} sessions just opened: of a core`, unit: '%', value: opened * 100 },
      { name: `daemon, ${watched} sessions idle: of a core`, unit: '%', value: share * 100 },
    ]
  } finally {
    for (const child of idle) child.kill()
  }
}

async function shareOfCore(pid: number, ms: number): Promise<number> {
  const before = cpuTime([pid])
  const began = performance.now()
  await Bun.sleep(ms)
  return (cpuTime([pid]) - before) / (performance.now() - began)
}

async function watch(machine: Machine, token: string, pid: number): Promise<void> {
  const sessionId = crypto.randomUUID()
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const file = {
    pid,
    sessionId,
    procStart: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19],
    cwd: machine.cwd,
    status: 'idle',
    statusUpdatedAt: Date.now(),
  }
  writeFileSync(join(machine.home, '.claude', 'sessions', `${pid}.json`), JSON.stringify(file))
  const { socket } = JSON.parse(readFileSync(join(machine.mesh, 'daemon.json'), 'utf8'))
  const answer = await fetch('http://localhost/v1/sessions', {
    unix: socket,
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ uuid: sessionId, kind: 'claude', pid, directory: machine.cwd }),
  })
  if (!answer.ok) throw new Error(await answer.text())
}

/** How long each took, ms; the first few are not counted: what runs often is warm. */
async function timed(times: number, work: () => unknown): Promise<number[]> {
  const took: number[] = []
  for (let n = -3; n < times; n++) {
    const began = performance.now()
    await work()
    if (n >= 0) took.push(performance.now() - began)
  }
  return took
}

function inShell(command: string, env: Record<string, string>, input: string): void {
  const done = spawnSync('/bin/sh', ['-c', command], { env, input })
  if (done.status !== 0) throw new Error(`${command} ended with ${done.status}`)
}

/** Since the command was executed, ms. */
interface Run {
  /** Until the model had its first request. */
  readonly askedMs: number
  readonly endedMs: number
}

async function ran(machine: Machine, model: ModelStub, command: readonly string[]): Promise<Run> {
  let before = model.requests.length
  const began = performance.now()
  const asked = model.seen(() => before-- <= 0).then(() => performance.now() - began)
  const { code, stdout, stderr } = await runIn(machine, command)
  const endedMs = performance.now() - began
  if (code !== 0 || stdout !== 'hello\n')
    throw new Error(`${command[0]} ended with ${code}: ${stdout}${stderr}`)
  return { askedMs: await asked, endedMs }
}

function spread(name: string, values: readonly number[]): Case {
  const sorted = Float64Array.from(values).sort()
  const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)]
  return { name, unit: 'ms', value: p50, p50, p99 }
}
