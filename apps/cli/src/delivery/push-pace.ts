/** How often a client's messaging socket is written to, so that its own bucket never runs dry: what it drops, it drops without a word. */
import { SOCKET_LIMITS } from '@claudemesh/claude'

export class PushPace {
  #left: number = SOCKET_LIMITS.burst
  /** ms since 1970. */
  #at = 0

  /** Takes one push, and answers 0; without one left, how long until there is one, ms. */
  take(now: number): number {
    const back = Math.max(0, now - this.#at) / SOCKET_LIMITS.refillMs
    this.#left = Math.min(SOCKET_LIMITS.burst, this.#left + back)
    this.#at = now
    if (this.#left < 1) return Math.ceil((1 - this.#left) * SOCKET_LIMITS.refillMs)
    this.#left--
    return 0
  }
}
