/** Starts this program again as another process and waits for its own word that it is ready, or for its reason why not. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { ERROR_CODES, type ErrorCode, MeshError } from '@claudemesh/protocol/errors'
import { turnOver } from './bounded-log.ts'
import { REPORT_FD } from './report.ts'
import { selfCommandNow } from './self-command.ts'

export interface SpawnedSelf {
  readonly child: ChildProcess
  readonly pid: number
  /** What it reported when it was ready. Rejects with its own error, or when it ends without a word. */
  readonly ready: Promise<unknown>
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
}

/**
 * `log` takes stdout and stderr. `tied`: its stdin is a pipe that ends with us, by whatever death (see told.ts); else it
 * outlives us. In a session of its own either way: Ctrl-C in our terminal is ours to pass on, in order.
 */
export function spawnSelf(
  args: readonly string[],
  how: { log: string; tied: boolean; env?: Record<string, string | undefined>; cwd: string },
): SpawnedSelf {
  const [program, ...rest] = selfCommandNow(args)
  const log = openLog(how.log)
  const child = spawn(program, rest, {
    cwd: how.cwd,
    detached: true,
    env: { ...withoutSession(process.env), ...how.env, CLAUDEMESH_REPORT_FD: String(REPORT_FD) },
    stdio: [how.tied ? 'pipe' : 'ignore', log, log, 'pipe'],
  })
  closeSync(log)
  const exited = new Promise<number | NodeJS.Signals>(resolve => {
    child.once('exit', (code, signal) => resolve(signal ?? code ?? 1))
    child.once('error', () => resolve(1))
  })
  return { child, pid: child.pid ?? 0, ready: reportOf(child, args, how.log), exited }
}

/** Lets our process end while the child goes on. */
export function release({ child }: SpawnedSelf): void {
  child.unref()
  ;(child.stdio[REPORT_FD] as Readable | null)?.destroy()
}

async function reportOf(child: ChildProcess, args: readonly string[], log: string): Promise<unknown> {
  const pipe = child.stdio[REPORT_FD] as Readable
  for await (const line of createInterface({ input: pipe })) {
    const said = JSON.parse(line) as { ready?: unknown; error?: { code: string; message: string } }
    if (said.error === undefined) return said.ready
    const code = ERROR_CODES.find((known): known is ErrorCode => known === said.error?.code) ?? 'internal'
    throw new MeshError(code, said.error.message)
  }
  throw new MeshError('internal', `\`claudemesh ${args[0]}\` ended before it was ready. Its log: ${log}`)
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  turnOver(file)
  return openSync(file, 'a', 0o600)
}

/** What is started for the user must not speak for the launched session it happens to be started from. */
function withoutSession(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { CLAUDEMESH_SESSION, CLAUDEMESH_TOKEN_FILE, ...rest } = env
  return rest
}
