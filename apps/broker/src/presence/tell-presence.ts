/** Tells a mesh's sockets how sessions stand now: lease, signed record and hook status as the directory shows them. */
import { encodeBrokerFrame, type Recipient } from '@claudemesh/protocol'
import { NEWS_ITEMS } from '../backplane/news.ts'
import type { Broker } from '../broker.ts'
import { recipientIndex } from '../delivery/recipient-index.ts'
import { type MemberSocket, type MeshState, tellMesh } from '../roster/mesh-state.ts'
import { statusLimits, withHookStatus } from './hook-status.ts'

/** Tells all sockets of the mesh but `except`, on every node, of each session of `recipients`; persons have no presence. Never throws: the directory still says it. */
export async function tellPresence(
  broker: Broker,
  mesh: Uint8Array,
  recipients: readonly Recipient[],
  except?: MemberSocket,
): Promise<void> {
  const sessions = sessionsOf(recipients)
  for (let at = 0; at < sessions.length; at += NEWS_ITEMS)
    broker.backplane.tell({ mesh, presence: sessions.slice(at, at + NEWS_ITEMS) })
  const here = broker.meshes.peek(mesh)
  if (here !== undefined) await tellHere(broker, here, sessions, except)
}

/** The same for the sockets of this node alone. */
export async function tellHere(
  { db, clock, log, settings, node }: Broker,
  mesh: MeshState,
  recipients: readonly Recipient[],
  except?: MemberSocket,
): Promise<void> {
  const sessions = sessionsOf(recipients)
  if (sessions.length === 0 || mesh.sockets.size === 0) return
  try {
    const now = clock.now()
    for (const { changedAt, ...found } of await db.directoryOf({
      mesh: mesh.id,
      recipients: sessions,
      node,
    })) {
      const { member, session } = found.certificate
      const index = recipientIndex({ member, session })
      // Reads overtake each other: what was told already may be newer than what this one found.
      if ((mesh.told.get(index) ?? 0) > changedAt) continue
      mesh.told.set(index, changedAt)
      const entry = withHookStatus(found, now, statusLimits(settings))
      tellMesh(mesh, encodeBrokerFrame({ type: 'presence', entry }), except)
    }
  } catch (cause) {
    log.error('presence.untold', cause)
  }
}

/** The same for what other nodes tell, however much of it at once: one look at a time, each for all that came meanwhile. */
export function tellSoon(broker: Broker, mesh: MeshState, recipients: readonly Recipient[]): void {
  const begin = mesh.untold.size === 0
  for (const recipient of recipients) mesh.untold.set(recipientIndex(recipient), recipient)
  if (begin && mesh.untold.size > 0) void tellUntold(broker, mesh)
}

async function tellUntold(broker: Broker, mesh: MeshState): Promise<void> {
  while (mesh.untold.size > 0) {
    const taken = [...mesh.untold]
    await tellHere(
      broker,
      mesh,
      taken.map(([, recipient]) => recipient),
    )
    // What was told of again meanwhile stands for a newer change.
    for (const [index, recipient] of taken)
      if (mesh.untold.get(index) === recipient) mesh.untold.delete(index)
  }
}

const sessionsOf = (recipients: readonly Recipient[]) =>
  recipients.filter(recipient => recipient.session !== null)
