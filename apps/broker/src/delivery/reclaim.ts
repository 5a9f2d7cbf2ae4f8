/** Space of acked rows goes back to the queue while many are acked: a quiet broker leaves that to the database. */
import type { BrokerStore } from '@claudemesh/db'
import type { Metrics } from '../telemetry/metrics.ts'

/** Rows acked here that make a pass worth its while: a second's worth at a third of the lane's speed. */
const ROWS = 10_000

/** A sweep that reclaims once `rows` were acked since it last did. */
export function reclaimer(
  db: Pick<BrokerStore, 'reclaimQueue'>,
  { count }: Pick<Metrics, 'count'>,
  rows = ROWS,
): () => Promise<void> {
  let done = 0
  return async () => {
    const { acked } = count
    if (acked - done >= rows && (await db.reclaimQueue({ gone: acked - done }))) done = acked
  }
}
