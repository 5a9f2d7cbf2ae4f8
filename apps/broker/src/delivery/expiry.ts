/** What ran out ends: row, audit leaf and signed fact in one commit in the lane; what is handed out live does not expire. */
import { signFact } from '@claudemesh/crypto'
import type { LiveWindow } from '@claudemesh/db'
import type { Broker } from '../broker.ts'
import { settleAll } from './settle.ts'

const ENDS_A_COMMIT = 500

/** Ends all that is due now. */
export const sweepExpired = (broker: Broker): Promise<void> =>
  settleAll(broker, 'expired', () =>
    broker.db.expireDue({
      now: broker.clock.now(),
      limit: ENDS_A_COMMIT,
      node: broker.node,
      live: liveWindows(broker),
      sign: fact => signFact(fact, broker.key),
    }),
  )

/** What attachments here were handed and have not acked; what is held for them in memory counts as handed out. */
function liveWindows({ meshes }: Broker): LiveWindow[] {
  const live: LiveWindow[] = []
  for (const mesh of meshes.all())
    for (const { recipient, delivered, acked, held } of mesh.attachments.values()) {
      const handedUpTo = Math.max(delivered, held.at(-1)?.seq ?? 0)
      if (handedUpTo > acked) live.push({ mesh: mesh.id, recipient, handedUpTo })
    }
  return live
}
