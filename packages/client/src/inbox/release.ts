/** The order of release within one sender's line: pure arithmetic over pairSeq, floor and what waits. */

export interface Waiting {
  readonly pairSeq: number
}
export interface Arrival<W extends Waiting> {
  /** Released before the arrival, in order. */
  readonly before: readonly W[]
  /** What becomes of the arrival itself; `late`: its place had been given up. */
  readonly verdict: 'release' | 'wait' | 'late'
  /** Released after it. */
  readonly after: readonly W[]
  readonly next: number
}

/**
 * `next` is the lowest number neither released nor given up; `waiting` is sorted by pairSeq. A floor is the sender's word
 * that it waits for nothing below it; one above the message's own number is read as that number. pairSeq 0 stands
 * outside every order.
 */
export function arrive<W extends Waiting>(
  next: number,
  waiting: readonly W[],
  pairSeq: number,
  floor: number,
): Arrival<W> {
  if (pairSeq === 0) return { before: [], verdict: 'release', after: [], next }
  const from = Math.max(next, Math.min(floor, pairSeq))
  const before = waiting.filter(one => one.pairSeq < from)
  if (pairSeq < next) return { before: [], verdict: 'late', after: [], next }
  const rest = waiting.slice(before.length)
  // What the raised floor reached may close the gap by itself.
  const reached = run(from, rest)
  const up = [...before, ...reached.released]
  if (pairSeq > reached.next) return { before: up, verdict: 'wait', after: [], next: reached.next }
  if (pairSeq < reached.next) return { before: up, verdict: 'late', after: [], next: reached.next }
  const following = run(pairSeq + 1, rest.slice(reached.released.length))
  return { before: up, verdict: 'release', after: following.released, next: following.next }
}

/** The gap has lasted long enough: the first that waits is released with a warning, then what follows it. */
export function giveUpGap<W extends Waiting>(
  waiting: readonly W[],
): { first: W; after: readonly W[]; next: number } | undefined {
  const [first, ...rest] = waiting
  if (!first) return undefined
  const following = run(first.pairSeq + 1, rest)
  return { first, after: following.released, next: following.next }
}

function run<W extends Waiting>(next: number, waiting: readonly W[]): { released: W[]; next: number } {
  const released: W[] = []
  let at = next
  for (const one of waiting) {
    if (one.pairSeq > at) break
    released.push(one)
    at = Math.max(at, one.pairSeq + 1)
  }
  return { released, next: at }
}
