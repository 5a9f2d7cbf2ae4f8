/** When the status a hook told wears out: nobody else would say so. */
import type { Clock } from '../clock.ts'

export class HookLapses {
  private readonly clock: Clock
  private readonly stops = new Map<string, () => void>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Calls `tell` right after each of `ends` (ms from now); a newer beginning for the same session takes the place of this one. */
  begin(session: string, ends: readonly number[], tell: () => void): void {
    this.stops.get(session)?.()
    const waits = ends
      .toSorted((a, b) => a - b)
      .map((ms, i) =>
        this.clock.after(ms + 1, () => {
          if (i === ends.length - 1) this.stops.delete(session)
          tell()
        }),
      )
    this.stops.set(session, () => {
      for (const stop of waits) stop()
    })
  }
}
