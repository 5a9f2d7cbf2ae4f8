/** Waits for what real processes come to in their own time. */
import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 250

/** Resolves when `look` says so; what it throws counts as not yet. Rejects after `ms` with `why` and the last error. */
export async function soon(ms: number, why: string, look: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + ms
  let cause: unknown
  while (Date.now() < end) {
    try {
      if (await look()) return
      cause = undefined
    } catch (error) {
      cause = error
    }
    await delay(LOOK_MS)
  }
  throw new Error(why, { cause })
}
