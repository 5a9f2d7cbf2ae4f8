/** Waits for what another process does and tells nobody. */

const LOOK_MS = 20

/** Resolves with the first answer that is not `undefined` or false. Throws after `ms`. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  ms = 60_000,
): Promise<NonNullable<T>> {
  for (const end = Date.now() + ms; ; await Bun.sleep(LOOK_MS)) {
    const seen = await look()
    if (seen !== undefined && seen !== null && seen !== false) return seen
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`)
  }
}

/** Whether anything answers at this URL. */
export async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { signal: AbortSignal.timeout(2000) })
    return true
  } catch {
    return false
  }
}
