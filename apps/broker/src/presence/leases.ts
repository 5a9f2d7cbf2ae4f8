/** Leases: this node proves that it lives; what it no longer holds becomes away, then offline, and the meshes are told. Judged by the database's clock. */
import type { LeaseChange } from '@claudemesh/db'
import { type Recipient, TIMES } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { detachAgain } from '../delivery/end-attachments.ts'
import { bytesIndex } from '../delivery/recipient-index.ts'
import { tellPresence } from './tell-presence.ts'

/** A node that is silent for this long holds nobody any more. */
const NODE_LEASE_MS = TIMES.heartbeatMs * 2
export const LEASE_BEAT_MS = NODE_LEASE_MS / 3
/** So many beats without an answer, and every other node takes this one for dead. */
const UNANSWERED = NODE_LEASE_MS / LEASE_BEAT_MS

/** At start: what this node held before it stopped becomes away. */
export async function takeNode({ db, node }: Broker): Promise<void> {
  await db.claimNode({ node, leaseMs: NODE_LEASE_MS })
}

/** One beat: keeps what is ours, ends what nobody keeps. */
export async function beatLeases(broker: Broker): Promise<void> {
  const { db, node } = broker
  const lapsed = await db.renewLeases({ node, leaseMs: NODE_LEASE_MS })
  broker.unanswered = 0
  if (lapsed) comeBack(broker)
  await detachAgain(broker)
  tellChanges(broker, await db.sweepLeases({ node }))
}

/** Counts a beat that the database has yet to answer, however long the one before hangs; who is cut off sends everybody to the others. */
export function countBeat(broker: Broker): void {
  broker.unanswered++
  const { connections, log } = broker
  if (!isCutOff(broker) || connections.size === 0) return
  log.warn('node.cut-off', { connections: connections.size })
  for (const connection of [...connections]) connection.close('goingAway')
}

/**
 * The database has not heard of this node for so long that the others hold everybody here for away, and nothing reaches them here.
 * A node that was alone keeps its sockets: nobody else would take them.
 */
export const isCutOff = ({ unanswered, looked }: Pick<Broker, 'unanswered' | 'looked'>): boolean =>
  unanswered > UNANSWERED && looked.others > 0

/** Others took this node for dead and everybody here for away: who attaches anew is shown again. */
function comeBack({ log, connections }: Broker): void {
  log.warn('node.lapsed', { connections: connections.size })
  for (const connection of [...connections]) connection.close('goingAway')
}

/** At shutdown: everybody here is away from now, and the other nodes tell it. */
export async function leaveNode(broker: Broker): Promise<void> {
  const { db, node } = broker
  tellChanges(broker, await db.releaseNode({ node }))
}

function tellChanges(broker: Broker, changes: readonly LeaseChange[]): void {
  const byMesh = new Map<string, { id: Uint8Array; recipients: Recipient[] }>()
  for (const { mesh: id, recipient } of changes) {
    const index = bytesIndex(id)
    const group = byMesh.get(index) ?? { id, recipients: [] }
    group.recipients.push(recipient)
    byMesh.set(index, group)
  }
  for (const { id, recipients } of byMesh.values()) tellPresence(broker, id, recipients)
}
