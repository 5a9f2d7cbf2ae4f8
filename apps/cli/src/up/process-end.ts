/** Ends another process of ours by its pid, politely, then for certain; a pid that is somebody else's by now is left alone. */
import { isAlive } from '../daemon/process-identity.ts'

const LOOK_MS = 20

/** Who a process is: `identity` as of daemon/process-identity.ts. */
export interface ProcessName {
  readonly pid: number
  readonly identity: string
}

/** True when it is gone within `ms`. */
export async function gone(
  { pid, identity }: ProcessName,
  { ms, lookMs = LOOK_MS }: { ms: number; lookMs?: number },
): Promise<boolean> {
  for (const end = Date.now() + ms; isAlive(pid, identity); await Bun.sleep(lookMs))
    if (Date.now() > end) return false
  return true
}

/** Asks with `signal` (none: somebody else has asked), waits `ms`, kills. Resolves when it is gone. */
export async function endProcess(
  process_: ProcessName,
  { signal, ms }: { signal: NodeJS.Signals | null; ms: number },
): Promise<void> {
  if (signal !== null && isAlive(process_.pid, process_.identity)) process.kill(process_.pid, signal)
  if (await gone(process_, { ms })) return
  process.kill(process_.pid, 'SIGKILL')
  await gone(process_, { ms })
}
