/** Time that passes only where the test turns it: every timer of a client rings by it, in order. */

interface Alarm {
  readonly at: number
  readonly ring: () => void
}

/** Everything that is under way in memory has come to rest. */
export const settled = (): Promise<void> => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

export class TurnedClock {
  #now: number
  #alarms: Alarm[] = []

  constructor(now: number) {
    this.#now = now
  }
  readonly now = (): number => this.#now
  readonly schedule = (ms: number, ring: () => void): (() => void) => {
    const alarm = { at: this.#now + ms, ring }
    this.#alarms.push(alarm)
    return () => {
      this.#alarms = this.#alarms.filter(each => each !== alarm)
    }
  }

  /** Turns it to this time, alarm by alarm, and lets each come to rest. */
  async to(time: number): Promise<void> {
    await settled()
    for (;;) {
      const next = this.#alarms.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#alarms = this.#alarms.filter(each => each !== next)
      this.#now = Math.max(this.#now, next.at)
      next.ring()
      await settled()
    }
    this.#now = time
    await settled()
  }
}
