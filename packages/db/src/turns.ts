/** Who may use the hot lane beside whom: most calls follow each other at once, some must have it to themselves. */

export class Turns {
  private readonly running = new Set<Promise<unknown>>()
  /** The newest that has the lane to itself, or waits to. */
  private last: Promise<unknown> | undefined

  /** Runs `work` at once, beside others of its kind, unless somebody is alone. */
  shared<T>(work: () => Promise<T>): Promise<T> {
    return this.track(this.last === undefined ? work() : this.last.then(work, work))
  }

  /** Runs `work` when everything begun before it has ended; whatever comes later waits for it. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.track(Promise.allSettled(this.running).then(work))
    this.last = turn
    const over = () => {
      if (this.last === turn) this.last = undefined
    }
    turn.then(over, over)
    return turn
  }

  private track<T>(turn: Promise<T>): Promise<T> {
    this.running.add(turn)
    const over = () => void this.running.delete(turn)
    turn.then(over, over)
    return turn
  }
}
