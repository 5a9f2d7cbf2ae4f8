/** What every process of a run has: it can be killed, stopped and started again, one thing after another. */
import { setTimeout as delay } from 'node:timers/promises'

/** Strikes of one process do not overlap: each begins when the one before is over. */
export class Victim {
  #turn: Promise<void> = Promise.resolve()
  #healed = Promise.withResolvers<void>()

  /** `begin`, then `end` after `ms` or when all is healed. Errors of either stay for `settled`. */
  strike(ms: number, begin: () => unknown, end: () => unknown): void {
    this.#turn = this.#turn.then(async () => {
      await begin()
      await Promise.race([delay(ms, undefined, { ref: false }), this.#healed.promise])
      await end()
    })
    // Told by `settled`.
    this.#turn.catch(() => {})
  }

  /** Ends what strikes now and all that waits; resolves when it is over. */
  async heal(): Promise<void> {
    this.#healed.resolve()
    await this.#turn
  }
}
