/** The end of attachments that still stand: nothing more is pushed, and their leases begin to run out. */
import type { Broker } from '../broker.ts'
import { tellPresence } from '../presence/tell-presence.ts'
import type { MeshState } from '../roster/mesh-state.ts'
import type { Attachment } from './attachment.ts'

/** Ends attachments of one mesh; the database hears of them together. Where a newer one stands already, only memory is freed. */
export async function endAttachments(
  broker: Broker,
  mesh: MeshState,
  attachments: readonly Attachment[],
): Promise<void> {
  const stood = attachments.filter(({ live }) => live)
  for (const attachment of attachments) {
    attachment.end()
    if (mesh.attachments.get(attachment.index) === attachment) mesh.attachments.delete(attachment.index)
  }
  // The drain of a stopping broker releases all leases at once.
  if (stood.length > 0 && !broker.draining) await tellDatabase(broker, mesh, stood)
}

/** Tries again what the database did not hear of, so that no lease outlives its socket by more than a beat. */
export async function detachAgain(broker: Broker): Promise<void> {
  for (const attachment of [...broker.undetached]) {
    const mesh = await broker.meshes.open(attachment.mesh)
    await tellDatabase(broker, mesh, [attachment])
  }
}

async function tellDatabase(
  broker: Broker,
  { id: mesh }: MeshState,
  attachments: readonly Attachment[],
): Promise<void> {
  const { db, turnstiles, undetached } = broker
  try {
    const seats = attachments.map(({ recipient, number }) => ({ recipient, attachment: number }))
    // Who still waits when the broker stops has nothing left to tell.
    const away = await turnstiles.seat(async () => (broker.draining ? [] : db.detach({ mesh, seats })))
    for (const attachment of attachments) undetached.delete(attachment)
    tellPresence(broker, mesh, away)
  } catch (cause) {
    for (const attachment of attachments) undetached.add(attachment)
    throw cause
  }
}
