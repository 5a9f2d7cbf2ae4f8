/** Token buckets of what one session is handed: of each sender, of each thread of it, and of each member. Pure but for its memory. */
import type { NoiseLimits } from '../../api/noise-schema.ts'

/** A message that may be handed over. */
export interface Due {
  readonly id: string
  /** Key of the session or person that sent it. */
  readonly from: string
  /** Asked only where it decides. */
  readonly member: () => string
  readonly threadId: string | null
  /** It was handed over before. */
  readonly handed: boolean
}
export interface Admitted {
  readonly ids: ReadonlySet<string>
  /** When more of it may go, ms since 1970; `null` where nothing is held. */
  readonly againAt: number | null
}
type Rates = Pick<NoiseLimits, 'pairBurst' | 'pairMinute' | 'threadBurst' | 'threadMinute'>

interface Bucket {
  tokens: number
  at: number
}
interface Draw {
  readonly name: string
  readonly burst: number
  readonly perMinute: number
}

/** A member has this many times the budget of one of its sessions: opening more of them gains no more. */
const MEMBER_SHARE = 4
const MOST_BUCKETS = 10_000
const MINUTE_MS = 60_000

export class Budgets {
  readonly #buckets = new Map<string, Bucket>()
  /** By mailbox: what took its tokens and still waits. */
  readonly #admitted = new Map<string, ReadonlySet<string>>()

  /** What of `waiting` (all that waits in the mailbox, in order) may be handed over at `now`; of one sender never out of order. */
  admit(mailbox: string, waiting: readonly Due[], rates: Rates, now: number): Admitted {
    const before = this.#admitted.get(mailbox)
    const kept = new Set<string>()
    const ids = new Set<string>()
    const stopped = new Set<string>()
    let againAt: number | null = null
    for (const due of waiting) {
      const name = `${due.id}/${due.from}`
      if (!due.handed && before?.has(name) !== true) {
        if (stopped.has(due.from)) continue
        const freeAt = this.#draw(drawsOf(mailbox, due, rates), now)
        if (freeAt > now) {
          stopped.add(due.from)
          againAt = Math.min(againAt ?? freeAt, freeAt)
          continue
        }
      }
      kept.add(name)
      ids.add(due.id)
    }
    if (kept.size === 0) this.#admitted.delete(mailbox)
    else this.#admitted.set(mailbox, kept)
    return { ids, againAt }
  }

  /** Takes one token of each, or none; answers when all will have one, `now` where they had. */
  #draw(draws: readonly Draw[], now: number): number {
    const filled = draws.map(draw => ({ draw, bucket: this.#filled(draw, now) }))
    const waits = filled.map(({ draw, bucket }) =>
      bucket.tokens >= 1 ? 0 : Math.ceil(((1 - bucket.tokens) * MINUTE_MS) / draw.perMinute),
    )
    const wait = Math.max(...waits)
    if (wait > 0) return now + wait
    for (const { bucket } of filled) bucket.tokens -= 1
    return now
  }

  #filled({ name, burst, perMinute }: Draw, now: number): Bucket {
    const held = this.#buckets.get(name)
    const elapsed = held ? Math.max(0, now - held.at) : 0
    const tokens = held ? Math.min(burst, held.tokens + (elapsed * perMinute) / MINUTE_MS) : burst
    const bucket = { tokens, at: now }
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    // The one used longest ago is the fullest.
    if (this.#buckets.size > MOST_BUCKETS) this.#buckets.delete(this.#buckets.keys().next().value!)
    return bucket
  }
}

function drawsOf(mailbox: string, { from, member, threadId }: Due, rates: Rates): Draw[] {
  const { pairBurst, pairMinute, threadBurst, threadMinute } = rates
  const pair = { name: `${mailbox}>${from}`, burst: pairBurst, perMinute: pairMinute }
  const all = {
    name: `${mailbox}>>${member()}`,
    burst: pairBurst * MEMBER_SHARE,
    perMinute: pairMinute * MEMBER_SHARE,
  }
  if (threadId === null) return [pair, all]
  return [pair, all, { name: `${pair.name}>${threadId}`, burst: threadBurst, perMinute: threadMinute }]
}
