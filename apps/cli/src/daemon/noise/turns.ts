/**
 * Counts how far agents have passed something on: what a session says carries one hop more than the messages that led to its
 * turn, and none where a person began it. Known from hooks and from what was given to the session; a restart forgets it, and
 * then only the message that is answered counts.
 */
import { LIMITS } from '@claudemesh/protocol'

interface Turn {
  /** Hops of what is said in it. */
  hops: number
  /** A person began it: what came before says nothing of it. */
  byPerson: boolean
  /** It ended: what is taken next begins another. */
  over: boolean
}

export class Turns {
  readonly #turns = new Map<string, Turn>()

  /** A person typed a prompt. */
  prompted(uuid: string): void {
    this.#turns.set(uuid, { hops: 0, byPerson: true, over: false })
  }

  ended(uuid: string): void {
    const turn = this.#turns.get(uuid)
    if (turn) turn.over = true
  }

  forget(uuid: string): void {
    this.#turns.delete(uuid)
  }

  /** Peers' messages with these hops came before the session. */
  took(uuid: string, hops: readonly number[]): void {
    if (hops.length === 0) return
    const next = Math.max(...hops) + 1
    const turn = this.#turns.get(uuid)
    if (!turn || turn.over) this.#turns.set(uuid, { hops: next, byPerson: false, over: false })
    else turn.hops = Math.max(turn.hops, next)
  }

  /** Hops of what the session says now; `answered`: those of the message it answers, if it does. */
  hopsOf(uuid: string, answered?: number): number {
    const turn = this.#turns.get(uuid)
    const reply = answered === undefined || turn?.byPerson === true ? 0 : answered + 1
    return Math.min(LIMITS.hops, Math.max(turn?.hops ?? 0, reply))
  }
}
