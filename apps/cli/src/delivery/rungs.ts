/**
 * The ladder of ways into a session, best first, and what is known of each: chosen is what was proven or not yet tried. A rung on
 * which something was lost is left alone for a while, then tried once more.
 */

export const RUNGS = ['socket', 'wake', 'hook'] as const
/** `socket`: the client's messaging socket; `wake`: an asyncRewake hook that waits; `hook`: context in a hook's answer. */
export type Rung = (typeof RUNGS)[number]
/** `inbox`: the session asked for it by its tool. */
export type Way = Rung | 'inbox'

/** As `trace` and `doctor` call them. */
export const WAY_WORDS: Record<Way, string> = {
  socket: 'messaging socket',
  wake: 'asyncRewake hook',
  hook: 'hook context',
  inbox: 'inbox tool',
}

export interface Health {
  readonly state: 'untried' | 'works' | 'down'
  /** Why it is down; else empty. */
  readonly why: string
  /** Losses since it last worked. */
  readonly losses: number
  /** When it is tried again, ms since 1970. */
  readonly probeAt: number
}

/** Down for so long after the first loss, twice as long after each further one, ms. */
const PROBE_MS = { first: 60_000, most: 30 * 60_000 } as const

const UNTRIED: Health = { state: 'untried', why: '', losses: 0, probeAt: 0 }
export const untriedRungs = (): Record<Rung, Health> => ({ socket: UNTRIED, wake: UNTRIED, hook: UNTRIED })
export const WORKS: Health = { state: 'works', why: '', losses: 0, probeAt: 0 }

/** After something went this way and never arrived. */
export function lost(before: Health, why: string, now: number): Health {
  const losses = before.losses + 1
  const rest = Math.min(PROBE_MS.most, PROBE_MS.first * 2 ** (losses - 1))
  return { state: 'down', why, losses, probeAt: now + rest }
}

/** Not down, or due for a trial. */
export const isUsable = ({ state, probeAt }: Health, now: number): boolean =>
  state !== 'down' || now >= probeAt
