/** The end of what cannot be delivered: row, audit leaf and signed fact in one transaction. */
import { type Fact, MeshError } from '@claudemesh/protocol'
import type { Database } from './database.ts'
import type { Seat } from './delivery-types.ts'

/** Rows up to `handedUpTo` were handed out on a live attachment of this node: they do not expire. */
export interface LiveWindow extends Seat {
  readonly handedUpTo: number
}

/** One delivery that ended. `factSeq` is its fact's place in the sender's queue, 0 when the sender is removed. */
export interface SettledRow {
  readonly fact: Fact
  readonly seq: number
  readonly factSeq: number
}

/** Ends rows whose ttl is over, at most `limit` a call; an empty answer means nothing is due. `sign` makes the broker's signature. */
export async function expireDue(
  _db: Database,
  _p: {
    now: number
    limit: number
    node: string
    live: readonly LiveWindow[]
    sign: (fact: Omit<Fact, 'signature'>) => Fact
  },
): Promise<SettledRow[]> {
  throw new MeshError('unsupported', 'being built')
}

/** Ends what is queued from or to removed members, at most `limit` a call; call until the answer is empty. */
export async function dropRemoved(
  _db: Database,
  _p: { mesh: Uint8Array; now: number; limit: number; sign: (fact: Omit<Fact, 'signature'>) => Fact },
): Promise<SettledRow[]> {
  throw new MeshError('unsupported', 'being built')
}
