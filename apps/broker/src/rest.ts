/** Gives back to the system what a burst of work has compiled and allocated, once the broker has had nothing to do for a while: some 15 MiB. */
import { systemClock } from './clock.ts'

const MINUTE_MS = 60_000
/** CPU time between two looks, ms, from which on the broker counts as at work; one with 18,000 sessions that say nothing takes a third of it in a minute. */
const WORK_MS = 3000

/** Minutes without work: by then what was told of a crowd is forgotten too. */
const QUIET_LOOKS = 2

/** Looks every minute from now on: for a process that is a broker and nothing else. */
export function restInQuiet(): void {
  const rest = new Rest()
  systemClock.every(MINUTE_MS, () => rest.look())
}

export class Rest {
  readonly #cpuMs: () => number
  readonly #giveBack: () => void
  #seen: number
  /** Looks until it gives back, 0 where it has not worked since it did. */
  #dueIn = QUIET_LOOKS

  constructor(o: { cpuMs?: () => number; giveBack?: () => void } = {}) {
    this.#cpuMs = o.cpuMs ?? usedMs
    this.#giveBack = o.giveBack ?? (() => Bun.shrink())
    this.#seen = this.#cpuMs()
  }

  /** To be called every minute. What runs next is compiled anew, so nothing is given back while there is mail. */
  look(): void {
    const used = this.#cpuMs() - this.#seen
    if (used >= WORK_MS) this.#dueIn = QUIET_LOOKS
    else if (this.#dueIn > 0 && --this.#dueIn === 0) this.#giveBack()
    this.#seen = this.#cpuMs()
  }
}

function usedMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
