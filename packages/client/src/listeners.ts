/** Who listens to a client. */
import type { Emit } from './commit.ts'
import type { Log, MeshEvents } from './types.ts'

export class Listeners {
  readonly #of: { [E in keyof MeshEvents]: Set<(facts: MeshEvents[E]) => void> } = {
    state: new Set(),
    inbox: new Set(),
    outbox: new Set(),
    presence: new Set(),
    directory: new Set(),
    roster: new Set(),
  }
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** Answers how to stop listening. */
  on<E extends keyof MeshEvents>(event: E, listener: (facts: MeshEvents[E]) => void): () => void {
    this.#of[event].add(listener)
    return () => this.#of[event].delete(listener)
  }

  /** A listener's error is logged and disturbs nobody. */
  readonly emit: Emit = (event, facts) => {
    for (const listener of this.#of[event])
      try {
        listener(facts)
      } catch (error) {
        this.#log('listener.failed', { event, message: String(error) })
      }
  }
}
