/** The end of an attachment that still stands: nothing more is pushed, and its lease begins to run out. */
import { detach } from '@claudemesh/db'
import type { Broker } from '../broker.ts'
import { tellPresence } from '../presence/tell-presence.ts'
import type { MeshState } from '../roster/mesh-state.ts'
import type { Attachment } from './attachment.ts'

/** Ends `attachment`. Where a newer one stands already, only memory is freed. */
export async function endAttachment(broker: Broker, mesh: MeshState, attachment: Attachment): Promise<void> {
  const stood = attachment.live
  attachment.end()
  if (mesh.attachments.get(attachment.index) === attachment) mesh.attachments.delete(attachment.index)
  if (!stood) return
  const { recipient, number } = attachment
  const away = await detach(broker.db, {
    mesh: mesh.id,
    recipient,
    attachment: number,
    now: broker.clock.now(),
  })
  if (away) await tellPresence(broker, mesh, [recipient])
}
