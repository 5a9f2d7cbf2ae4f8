/** All time in the broker comes from here, so a test can turn the hands itself. */

export interface Clock {
  /** ms since 1970. */
  now(): number
  /** Calls `tick` about every `ms` until the answer is called. */
  every(ms: number, tick: () => void): () => void
  /** Calls `ring` once after `ms`, unless the answer is called before. */
  after(ms: number, ring: () => void): () => void
}

/** The clock of the machine. Its timers do not keep a process alive. */
export const systemClock: Clock = {
  now: Date.now,
  every(ms, tick) {
    const timer = setInterval(tick, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
  after(ms, ring) {
    const timer = setTimeout(ring, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
