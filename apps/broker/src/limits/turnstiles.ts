/** A crowd that comes or goes passes in the order it came; beside mail one at a time, and half the time nobody, so that mail finds event loop and database free. */
import pLimit, { type LimitFunction } from 'p-limit'
import type { Clock } from '../clock.ts'

/** Who pass abreast while there is no mail: fewer than the connections of the pool. */
const ABREAST = 4
/** Mail that passed no longer ago than this, ms, is not alone. */
const MAIL_MS = 1000
/** The longest rest, ms: what hung is no measure of what comes next. */
const LONGEST_REST_MS = 1000

/** Carries out `work` when its turn comes; answers or rejects as it does. */
type Turnstile = <T>(work: () => Promise<T>) => Promise<T>

export interface Turnstiles {
  /** Through which every hello goes. */
  readonly greet: Turnstile
  /** Through which every attach goes, and word to the database of every end of one. */
  readonly seat: Turnstile
  /** Somebody waits to be seated. */
  readonly crowded: boolean
}

/** `mail` counts what passes and only ever grows. */
export function openTurnstiles(clock: Clock, mail: () => number): Turnstiles {
  const isMail = watchMail(clock, mail)
  const seats = pLimit(ABREAST)
  return {
    greet: turnstile(pLimit(ABREAST), clock, isMail),
    seat: turnstile(seats, clock, isMail),
    get crowded() {
      return seats.pendingCount > 0
    },
  }
}

function turnstile(limit: LimitFunction, clock: Clock, isMail: () => boolean): Turnstile {
  const turn = async (work: () => Promise<void>): Promise<void> => {
    const began = clock.elapsed()
    await work()
    const beside = isMail()
    const abreast = beside ? 1 : ABREAST
    if (limit.concurrency !== abreast) limit.concurrency = abreast
    if (!beside || limit.pendingCount === 0) return
    // The slower event loop and database are, the longer the work took, and the rest behind it.
    const rest = Math.min(clock.elapsed() - began, LONGEST_REST_MS)
    if (rest > 0) await new Promise<void>(resolve => clock.after(rest, resolve))
  }
  return work =>
    new Promise((resolve, reject) => {
      void limit(turn, () => work().then(resolve, reject))
    })
}

function watchMail(clock: Clock, mail: () => number): () => boolean {
  let seen = mail()
  let seenAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock.now()
    if (mail() !== seen) seenAt = now
    seen = mail()
    return now - seenAt < MAIL_MS
  }
}
