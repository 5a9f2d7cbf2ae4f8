/** Wake-ups between the nodes of one broker; with one node they stay in the process. Losing one loses nothing: redelivery finds it. */
import type { Seat } from '@claudemesh/db'

export interface Backplane {
  /** Something new stands in the queue of `seat`. */
  wake(seat: Seat): void
}

/** The backplane of a broker of one node: `arrive` is what a node does when it is woken. */
export const inProcess = (arrive: (seat: Seat) => void): Backplane => ({ wake: arrive })
