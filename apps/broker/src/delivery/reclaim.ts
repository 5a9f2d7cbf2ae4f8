/** Space of acked rows goes back to the queue while many are acked: a quiet broker leaves that to the database. */
import type { BrokerStore } from '@claudemesh/db'
import type { Metrics } from '../telemetry/metrics.ts'

/** Rows acked here that make a pass worth its while: a second's worth at a third of the lane's speed. */
const ROWS = 10_000
/** Or bytes: what the queue takes twice until the pass is over stays in the database's memory (256 MB as shipped), where a page that leaves it is written out and read again. */
const BYTES = 32 << 20

/** A sweep that reclaims once `ROWS` or `BYTES` were acked since it last did. */
export function reclaimer(
  db: Pick<BrokerStore, 'reclaimQueue'>,
  { count }: Pick<Metrics, 'count'>,
): () => Promise<void> {
  let done = { acked: 0, ackedBytes: 0 }
  return async () => {
    const { acked, ackedBytes } = count
    const gone = acked - done.acked
    if (gone < ROWS && ackedBytes - done.ackedBytes < BYTES) return
    if (await db.reclaimQueue({ gone })) done = { acked, ackedBytes }
  }
}
