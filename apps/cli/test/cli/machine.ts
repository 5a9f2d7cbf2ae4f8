/** A machine of the command line's tests: a scratch home, nothing but Node on PATH, the real binary as a process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const LAUNCHER = fileURLToPath(new URL('../../bin/claudemesh', import.meta.url))
/** What stands in for it where Bun is not in its usual place. */
const ON_NODE = `${LAUNCHER}.mjs`

export interface Finished {
  /** Exit code, or the signal that ended it. */
  readonly exit: number | NodeJS.Signals
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  /** The next line of stdout; rejects when the process ends first. */
  line(): Promise<string>
  readonly finished: Promise<Finished>
}

export interface Machine {
  readonly home: string
  readonly root: string
  readonly env: Record<string, string>
  run(args: readonly string[], how?: { stdin?: string; env?: Record<string, string> }): Promise<Finished>
  start(args: readonly string[], how?: { env?: Record<string, string>; onNode?: boolean }): Running
  /** `--json` output, one object a line. Throws where the command fails. */
  json(...args: string[]): Promise<Record<string, unknown>[]>
  /** Ends what the tests of a machine may have left running, then removes it. */
  remove(): Promise<void>
}

export function newMachine(): Machine {
  const root = mkdtempSync(join(tmpdir(), 'cm-'))
  for (const folder of ['bin', 'run', 'tmp', 'work']) mkdirSync(join(root, folder), { mode: 0o700 })
  symlinkSync(realNode(), join(root, 'bin', 'node'))
  const home = join(root, 'home')
  const env = {
    PATH: join(root, 'bin'),
    HOME: root,
    CLAUDEMESH_HOME: home,
    XDG_RUNTIME_DIR: join(root, 'run'),
    TMPDIR: join(root, 'tmp'),
    LANG: 'C.UTF-8',
  }
  const start: Machine['start'] = (args, how = {}) => {
    const program = how.onNode ? [join(env.PATH, 'node'), ON_NODE] : [LAUNCHER]
    return launch([...program, ...args], { ...env, ...how.env }, join(root, 'work'))
  }
  const run: Machine['run'] = async (args, how = {}) => {
    const running = start(args, how)
    running.child.stdin?.end(how.stdin ?? '')
    return running.finished
  }
  return {
    home,
    root,
    env,
    start,
    run,
    json: async (...args) => {
      const { exit, stdout, stderr } = await run([...args, '--json'])
      if (exit !== 0) throw new Error(`claudemesh ${args.join(' ')}: exit ${exit}: ${stderr}`)
      return stdout
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as Record<string, unknown>)
    },
    remove: async () => {
      await run(['down'])
      await run(['daemon', 'stop'])
      rmSync(root, { recursive: true, force: true })
    },
  }
}

function launch(command: readonly string[], env: Record<string, string>, cwd: string): Running {
  const child = spawn(command[0]!, command.slice(1), { env, cwd, stdio: 'pipe' })
  let [stdout, stderr] = ['', '']
  child.stderr.on('data', chunk => {
    stderr += String(chunk)
  })
  const lines: string[] = []
  const waiting: PromiseWithResolvers<string>[] = []
  createInterface({ input: child.stdout }).on('line', line => {
    stdout += `${line}\n`
    const first = waiting.shift()
    if (first === undefined) lines.push(line)
    else first.resolve(line)
  })
  const finished = new Promise<Finished>(resolve => {
    child.once('close', (code, signal) => {
      for (const each of waiting) each.reject(new Error(`ended with ${signal ?? code}: ${stderr}`))
      resolve({ exit: signal ?? code ?? 1, stdout, stderr })
    })
  })
  return {
    child,
    finished,
    line: () => {
      const ready = lines.shift()
      if (ready !== undefined) return Promise.resolve(ready)
      if (child.exitCode !== null || child.signalCode !== null)
        return Promise.reject(new Error(`ended: ${stderr}`))
      const next = Promise.withResolvers<string>()
      waiting.push(next)
      return next.promise
    },
  }
}

/** `bun --bun` puts a `node` of its own on PATH, which is Bun. */
function realNode(): string {
  const folder = (process.env.PATH ?? '')
    .split(delimiter)
    .find(each => !each.includes('bun-node') && existsSync(join(each, 'node')))
  if (folder === undefined) throw new Error('these tests need Node on PATH, as users have it')
  return join(folder, 'node')
}
