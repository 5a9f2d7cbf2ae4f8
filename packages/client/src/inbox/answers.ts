/** Answers to envelopes that did not open: one in 6 s and sender, doubling to one an hour until something of them opens; delayed, never dropped. */
import type { RecipientKey } from '../store.ts'

const FIRST_MS = 6_000
const LONGEST_MS = 3_600_000
/** Remembered at once; only a broker that forges senders could need more. */
const MAX_SENDERS = 10_000

export class AnswerPace {
  readonly #pace = new Map<RecipientKey, { nextAt: number; gapMs: number; slotMs: number }>()

  /** When the next answer to this sender may go out; all that are asked for until then, and in that ms, share it. */
  dueAt(from: RecipientKey, now: number): number {
    const pace = this.#pace.get(from)
    if (!pace) {
      if (this.#pace.size >= MAX_SENDERS) this.#pace.delete(this.#pace.keys().next().value!)
      this.#pace.set(from, { nextAt: now + FIRST_MS, gapMs: FIRST_MS, slotMs: now })
      return now
    }
    if (now <= pace.slotMs) return pace.slotMs
    const slotMs = Math.max(now, pace.nextAt)
    const gapMs = Math.min(pace.gapMs * 2, LONGEST_MS)
    this.#pace.set(from, { nextAt: slotMs + gapMs, gapMs, slotMs })
    return slotMs
  }

  opened(from: RecipientKey): void {
    this.#pace.delete(from)
  }
}
