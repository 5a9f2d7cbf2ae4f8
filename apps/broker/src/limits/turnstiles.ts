/** A crowd that comes or goes passes a few at a time, in the order it came: mail, greetings and queues find the event loop and the pool of the database free between. */
import pLimit, { type LimitFunction } from 'p-limit'

/** Together fewer than the connections of the pool. */
const ATTACHING = 4
const LEAVING = 2

export interface Turnstiles {
  /** Through which every attach goes. */
  readonly attach: LimitFunction
  /** Through which the database hears of every end of an attachment. */
  readonly leave: LimitFunction
}

export const openTurnstiles = (): Turnstiles => ({ attach: pLimit(ATTACHING), leave: pLimit(LEAVING) })
