/** When what was handed to a client and not taken will never be: it waits again. */
import type { RunningSession } from '@claudemesh/claude'
import type { Flight, Seat } from './seat.ts'

/** An idle session that has not taken a push after this long never will: the socket drops without a word. */
export const DOUBT_MS = 10_000
/** The same for one that tells no status (headless ones) and whose hooks said last that its turn was over: the next may begin without one. */
const DOUBT_STOPPED_MS = 30_000
/** And where its hooks say nothing of the kind: it may be within a long tool. */
const DOUBT_BLIND_MS = 60_000

/** `dead`: the process that had it in its queue is gone. `untaken`: it is there, and had time enough. `undefined`: not lost. */
export function howLost(
  seat: Pick<Seat, 'missed' | 'seen' | 'stoppedAt'>,
  flight: Flight,
  running: RunningSession | undefined,
  now: number,
): 'dead' | 'untaken' | undefined {
  const isOther = running !== undefined && isNotOf(flight, running)
  if (isOther || (seat.missed >= 2 && (seat.seen || flight.via === 'socket'))) return 'dead'
  if (flight.taken || flight.via === 'hook') return undefined
  const { since, patience } = doubt(seat, running)
  return now - Math.max(flight.since, since) >= patience ? 'untaken' : undefined
}

function isNotOf({ pid, givenAt }: Flight, running: RunningSession): boolean {
  if (pid !== undefined) return running.pid !== pid
  return givenAt !== undefined && running.startedAt !== undefined && running.startedAt > givenAt
}

/** From when on (ms since 1970) a push may go untaken, and how long, ms: for ever while the client is busy or asks its user something. */
function doubt(
  { stoppedAt }: Pick<Seat, 'stoppedAt'>,
  running: RunningSession | undefined,
): { since: number; patience: number } {
  if (running?.status === 'idle') return { since: running.statusUpdatedAt ?? 0, patience: DOUBT_MS }
  if (running?.status !== undefined) return { since: 0, patience: Number.POSITIVE_INFINITY }
  return stoppedAt === undefined
    ? { since: 0, patience: DOUBT_BLIND_MS }
    : { since: stoppedAt, patience: DOUBT_STOPPED_MS }
}
