/** Gives memory back when a burst of work is over: the pages of Bun's own code that it ran through, and later what it compiled and allocated. */
import { giveBackCode, giveBackPages } from './give-back.ts'

/** CPU time of a second, ms, from which on the daemon counts as at work; one that only watches 20 sessions takes 5. */
const WORK_MS = 20
/** Seconds without work after which a burst is over. */
const QUIET_LOOKS = 10
/** Seconds without work after which no other follows soon: until then what was compiled is worth more than its room. */
const LONG_QUIET_LOOKS = 30
/** CPU time of a burst, ms, that is worth giving back for. */
const BURST_MS = 300

export class Rest {
  readonly #cpuMs: () => number
  readonly #give: { readonly pages: () => void; readonly code: () => void }
  #seen: number
  #burst: number
  #quiet = 0

  /** `cpuMs`: what the process has used so far; it has worked until now. */
  constructor(o: { cpuMs?: () => number; give?: { pages: () => void; code: () => void } } = {}) {
    this.#cpuMs = o.cpuMs ?? usedMs
    this.#give = o.give ?? { pages: giveBackPages, code: giveBackCode }
    this.#seen = this.#cpuMs()
    this.#burst = this.#seen
  }

  /** To be called every second. */
  look(): void {
    const now = this.#cpuMs()
    const used = now - this.#seen
    this.#seen = now
    if (used >= WORK_MS) {
      this.#burst += used
      this.#quiet = 0
      return
    }
    this.#quiet++
    if (this.#burst < BURST_MS) return
    if (this.#quiet === QUIET_LOOKS) this.#give.pages()
    if (this.#quiet === LONG_QUIET_LOOKS) {
      this.#burst = 0
      this.#give.code()
    }
    this.#seen = this.#cpuMs()
  }
}

function usedMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
