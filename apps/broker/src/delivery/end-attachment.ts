/** The end of an attachment that still stands: nothing more is pushed, and its lease begins to run out. */
import type { Broker } from '../broker.ts'
import { tellPresence } from '../presence/tell-presence.ts'
import type { MeshState } from '../roster/mesh-state.ts'
import type { Attachment } from './attachment.ts'

/** Ends `attachment`. Where a newer one stands already, only memory is freed. */
export async function endAttachment(broker: Broker, mesh: MeshState, attachment: Attachment): Promise<void> {
  const stood = attachment.live
  attachment.end()
  if (mesh.attachments.get(attachment.index) === attachment) mesh.attachments.delete(attachment.index)
  if (stood) await tellDatabase(broker, mesh, attachment)
}

/** Tries again what the database did not hear of, so that no lease outlives its socket by more than a beat. */
export async function detachAgain(broker: Broker): Promise<void> {
  for (const attachment of [...broker.undetached]) {
    const mesh = await broker.meshes.open(attachment.mesh)
    await tellDatabase(broker, mesh, attachment)
  }
}

async function tellDatabase(broker: Broker, mesh: MeshState, attachment: Attachment): Promise<void> {
  const { recipient, number } = attachment
  try {
    // The drain of a stopping broker releases all leases at once: whoever still waits then has nothing left to tell.
    const away = await broker.turnstiles.leave(
      () => !broker.draining && broker.db.detach({ mesh: mesh.id, recipient, attachment: number }),
    )
    broker.undetached.delete(attachment)
    if (away) tellPresence(broker, mesh.id, [recipient])
  } catch (cause) {
    broker.undetached.add(attachment)
    throw cause
  }
}
