/** What a removal does at once: the member's sockets are closed, and queued mail from and to it ends with signed facts. */
import { signFact } from '@claudemesh/crypto'
import { equalBytes } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { settleAll } from '../delivery/settle.ts'
import type { MeshState } from './mesh-state.ts'

const DROPS_A_COMMIT = 500

/** Takes effect in memory before it returns; drops follow in the lane. */
export function removeMember(broker: Broker, mesh: MeshState, member: Uint8Array): void {
  for (const socket of [...mesh.sockets])
    if (socket.standing.key && equalBytes(socket.standing.key, member)) socket.close('removed')
  void dropMail(broker, mesh).catch(cause => broker.log.error('drop.failed', cause))
}

/** Drops what a stopped or failing broker left behind. */
export async function sweepDropped(broker: Broker): Promise<void> {
  for (const mesh of [...broker.meshes.all()]) if (mesh.dropsDue) await dropMail(broker, mesh)
}

async function dropMail(broker: Broker, mesh: MeshState): Promise<void> {
  const { db, clock, key } = broker
  mesh.dropsDue = false
  try {
    await settleAll(broker, 'dropped', () =>
      db.dropRemoved({
        mesh: mesh.id,
        now: clock.now(),
        limit: DROPS_A_COMMIT,
        sign: fact => signFact(fact, key),
      }),
    )
  } catch (cause) {
    mesh.dropsDue = true
    throw cause
  }
}
