/** Tells a mesh's sockets how sessions stand now: lease, signed record and hook status as the directory shows them. */
import { encodeBrokerFrame, type Recipient } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { type MemberSocket, type MeshState, tellMesh } from '../roster/mesh-state.ts'
import { statusLimits, withHookStatus } from './hook-status.ts'

/** Pushes a `presence` frame for each session of `recipients` to all sockets of the mesh but `except`; persons have none. Never throws: the directory still says it. */
export async function tellPresence(
  broker: Broker,
  mesh: MeshState,
  recipients: readonly Recipient[],
  except?: MemberSocket,
): Promise<void> {
  const sessions = recipients.filter(recipient => recipient.session !== null)
  if (sessions.length === 0 || mesh.sockets.size === 0) return
  const { db, clock, log, settings } = broker
  try {
    const now = clock.now()
    const entries = await db.directoryOf({ mesh: mesh.id, recipients: sessions, now })
    for (const found of entries) {
      const entry = withHookStatus(found, now, statusLimits(settings))
      tellMesh(mesh, encodeBrokerFrame({ type: 'presence', entry }), except)
    }
  } catch (cause) {
    log.error('presence.untold', cause)
  }
}
