/** Runs `claude` as if our process were not there: its terminal, its signals, its exit. */
import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { MeshError } from '@claudemesh/protocol/errors'

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A key on the terminal reaches the whole foreground group, so the client has these already; ours is to live on. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT'] as const
/** Sent to us alone, meant for the client. */
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/**
 * Resolves when the client has ended; throws `no-claude` if it cannot be started. A headless one is handed what comes on our stdin
 * and outlives its end: mail of the mesh still wakes it.
 */
export function runClaude(
  path: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { headless }: { headless: boolean },
): Promise<Ending> {
  const { promise, resolve, reject } = Promise.withResolvers<Ending>()
  const child = spawn(path, args, { stdio: [headless ? 'pipe' : 'inherit', 'inherit', 'inherit'], env })
  if (child.stdin) feed(child.stdin)
  const handlers = new Map<NodeJS.Signals, () => void>()
  for (const name of FROM_TERMINAL) handlers.set(name, () => {})
  for (const name of PASSED_ON) handlers.set(name, () => child.kill(name))
  for (const [name, handler] of handlers) process.on(name, handler)
  child.on('error', cause =>
    reject(new MeshError('no-claude', 'claude was found and could not be started.', { cause })),
  )
  child.on('exit', (code, signal) => resolve({ code, signal }))
  return promise.finally(() => {
    for (const [name, handler] of handlers) process.off(name, handler)
  })
}

/** A terminal's keys are no JSON lines, and are not read. */
function feed(stdin: Writable): void {
  // The client is gone: its exit says so.
  stdin.on('error', () => {})
  if (process.stdin.isTTY !== true) process.stdin.pipe(stdin, { end: false })
}
