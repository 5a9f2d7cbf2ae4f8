/** All time in the broker comes from here, so a test can turn the hands itself. */
import { type Stopwatch, systemStopwatch } from '@claudemesh/db'

export interface Clock extends Stopwatch {
  /** ms since 1970. */
  now(): number
  /** Calls `tick` about every `ms` until the answer is called. */
  every(ms: number, tick: () => void): () => void
}

/** The clock of the machine. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  ...systemStopwatch,
  now: Date.now,
  every(ms, tick) {
    const timer = setInterval(tick, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
}
