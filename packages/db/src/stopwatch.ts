/** How long work takes, and rests behind it, by hands that nobody sets: the wall clock may jump. */
export interface Stopwatch {
  /** ms since a moment of its own. */
  elapsed(): number
  /** Calls `ring` once after `ms`, unless the answer is called before. */
  after(ms: number, ring: () => void): () => void
}

/** The machine's own. Its timers do not keep a process alive. */
export const systemStopwatch: Stopwatch = {
  elapsed: () => performance.now(),
  after(ms, ring) {
    const timer = setTimeout(ring, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
