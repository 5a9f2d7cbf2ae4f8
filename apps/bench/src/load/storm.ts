/** Every socket of a crowd ends at once, and all come back, as daemons do: each by itself, and after a refusal anew in a moment. */
import type { Storm } from './commands.ts'
import { comeIn, type IdleDaemon } from './idle-crowd.ts'

/** Between two tries of a daemon, ms: a random part of it, doubled each time up to the most. */
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 8000

/** Returns when all sessions are attached again. */
export async function storm(crowd: readonly IdleDaemon[]): Promise<Storm> {
  for (const { client } of crowd) client.cut()
  const began = performance.now()
  const tries = await Promise.all(crowd.map(comeBack))
  return {
    ms: performance.now() - began,
    refused: tries.reduce((sum, more) => sum + more, 0),
    sessions: crowd.reduce((sum, { sessions }) => sum + sessions.length, 0),
  }
}

/** How often it was refused, or cut off, on the way. */
async function comeBack(daemon: IdleDaemon): Promise<number> {
  for (let refused = 0; ; refused++)
    try {
      daemon.client = await comeIn(daemon.mesh, daemon.sessions)
      return refused
    } catch {
      await Bun.sleep(Math.random() * Math.min(FIRST_WAIT_MS * 2 ** refused, LONGEST_WAIT_MS))
    }
}
