/** Says of a session by which rung it is reached now, and how each of the others stands. */
import type { RunningSession } from '@claudemesh/claude'
import { type Health, isUsable, RUNGS, type Rung, WAY_WORDS } from './rungs.ts'
import type { Seat } from './seat.ts'

export interface LadderView {
  /** The best that is there now; `null`: mail waits until the session asks for it. */
  readonly rung: Rung | null
  /** How each rung stands, best first, in words. */
  readonly words: string
  /** Of Claude Code, where its sessions file tells it. */
  readonly version: string | null
}

type SeatFacts = Pick<Seat, 'rungs' | 'waiter' | 'hooked'>

export function describeLadder(
  seat: SeatFacts,
  running: RunningSession | undefined,
  now: number,
): LadderView {
  const missing: Record<Rung, string | undefined> = {
    socket: running?.messagingSocketPath === undefined ? 'this client offers none' : undefined,
    wake: seat.waiter === undefined ? 'none waits' : undefined,
    hook: seat.hooked ? undefined : 'none has come yet',
  }
  const words = RUNGS.map(rung => `${WAY_WORDS[rung]}: ${missing[rung] ?? wordHealth(seat.rungs[rung], now)}`)
  // What hooks offered in vain once is offered again: there is nothing below them but to wait.
  const isThere = (rung: Rung) =>
    missing[rung] === undefined && (rung === 'hook' || isUsable(seat.rungs[rung], now))
  return { rung: RUNGS.find(isThere) ?? null, words: words.join('; '), version: running?.version ?? null }
}

function wordHealth({ state, why, probeAt }: Health, now: number): string {
  if (state === 'works') return 'proven to work'
  if (state === 'untried') return 'not tried yet'
  return probeAt > now
    ? `down (${why}), tried again in ${Math.ceil((probeAt - now) / 1000)} s`
    : `was down (${why}), tried with the next message`
}
