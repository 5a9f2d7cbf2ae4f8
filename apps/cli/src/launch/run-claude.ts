/** Runs `claude` as if our process were not there: its terminal, its signals, its exit. */
import { MeshError } from '@claudemesh/protocol/errors'

export interface Ending {
  readonly code: number | null
  /** A number where it has no name. */
  readonly signal: NodeJS.Signals | number | null
}

/** A key on the terminal reaches the whole foreground group, so the client has these already; ours is to live on. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT'] as const
/** Sent to us alone, meant for the client. */
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/**
 * Resolves when the client has ended; throws `no-claude` if it cannot be started. A headless one is handed what comes on our stdin
 * and outlives its end: mail of the mesh still wakes it. By Bun's own `spawn`: Node's takes 10 ms of CPU to load, and the client waits.
 */
export async function runClaude(
  path: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { headless }: { headless: boolean },
): Promise<Ending> {
  let child: Bun.Subprocess<'pipe' | 'inherit', 'inherit', 'inherit'>
  try {
    const stdin = headless ? 'pipe' : 'inherit'
    child = Bun.spawn([path, ...args], { stdin, stdout: 'inherit', stderr: 'inherit', env })
  } catch (cause) {
    throw new MeshError('no-claude', 'claude was found and could not be started.', { cause })
  }
  const handlers = new Map<NodeJS.Signals, () => void>()
  for (const name of FROM_TERMINAL) handlers.set(name, () => {})
  for (const name of PASSED_ON) handlers.set(name, () => child.kill(name))
  for (const [name, handler] of handlers) process.on(name, handler)
  if (typeof child.stdin === 'object') void feed(child.stdin)
  await child.exited
  for (const [name, handler] of handlers) process.off(name, handler)
  return { code: child.exitCode, signal: child.signalCode }
}

/** A terminal's keys are no JSON lines, and are not read. */
async function feed(stdin: Bun.FileSink): Promise<void> {
  if (process.stdin.isTTY === true) return
  try {
    for await (const chunk of process.stdin) {
      stdin.write(chunk)
      await stdin.flush()
    }
  } catch {
    // The client is gone: its exit says so.
  }
}
