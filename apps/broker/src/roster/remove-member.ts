/** What a removal does at once: the member's sockets are closed, and queued mail from and to it ends with signed facts. */
import { signFact } from '@claudemesh/crypto'
import { dropRemoved } from '@claudemesh/db'
import { equalBytes } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import type { MeshState } from './mesh-state.ts'

const DROPS_A_COMMIT = 500

/** Takes effect in memory before it returns; drops follow in the lane. */
export function removeMember(broker: Broker, mesh: MeshState, member: Uint8Array): void {
  for (const socket of [...mesh.sockets])
    if (socket.standing.key && equalBytes(socket.standing.key, member)) socket.close('removed')
  void dropMail(broker, mesh.id).catch(cause => broker.log.error('drop.failed', cause))
}

/** Ends what is queued from and to removed members, a bounded commit at a time. Also what a stopped broker left behind. */
export async function dropMail(broker: Broker, mesh: Uint8Array): Promise<void> {
  const { db, lane, clock, backplane, metrics, key } = broker
  let more = true
  while (more)
    more = await lane.exclusive(async () => {
      const rows = await dropRemoved(db, {
        mesh,
        now: clock.now(),
        limit: DROPS_A_COMMIT,
        sign: fact => signFact(fact, key),
      })
      metrics.count.dropped += rows.length
      for (const { fact, factSeq } of rows) if (factSeq > 0) backplane.wake({ mesh, recipient: fact.from })
      return rows.length > 0
    })
}
