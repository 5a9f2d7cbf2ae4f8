/** Gives memory back when a burst of work is over: what it compiled and allocated stays with the process otherwise, about 10 MiB, and the pages of Bun's own code that it ran through. */
import { giveBack } from './give-back.ts'

/** CPU time of a second, ms, from which on the daemon counts as at work; one that only watches 20 sessions takes 5. */
const WORK_MS = 20
/** Seconds without work after which a burst is over. */
const QUIET_LOOKS = 10
/** CPU time of a burst, ms, that is worth giving back for: that takes some 50 itself. */
const BURST_MS = 300

export class Rest {
  readonly #cpuMs: () => number
  readonly #giveBack: () => void
  #seen: number
  #burst: number
  #quiet = 0

  /** `cpuMs`: what the process has used so far; it has worked until now. */
  constructor(o: { cpuMs?: () => number; giveBack?: () => void } = {}) {
    this.#cpuMs = o.cpuMs ?? usedMs
    this.#giveBack = o.giveBack ?? giveBack
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
    if (this.#quiet < QUIET_LOOKS || this.#burst < BURST_MS) return
    this.#burst = 0
    this.#giveBack()
    this.#seen = this.#cpuMs()
  }
}

function usedMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
