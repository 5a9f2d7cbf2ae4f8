/** What a node does when another one tells it something: it looks in the database, and believes nothing else. */
import { encodeBrokerFrame } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import type { Attachment } from '../delivery/attachment.ts'
import { recipientIndex } from '../delivery/recipient-index.ts'
import { replaceAttachment } from '../delivery/replace-attachment.ts'
import { tellHere } from '../presence/tell-presence.ts'
import { catchUp } from '../roster/catch-up.ts'
import { type MeshState, tellMesh } from '../roster/mesh-state.ts'
import type { News } from './news.ts'

/** Takes news of a mesh that is in memory here; of any other nobody needs to know. */
export function arrive(broker: Broker, { mesh: id, ...news }: News): void {
  const mesh = broker.meshes.peek(id)
  if (mesh === undefined) return
  const failed = (cause: unknown) => broker.log.error('news.failed', cause)
  if (news.roster !== undefined && news.roster > mesh.roster.seq) void catchUp(broker, mesh).catch(failed)
  for (const { recipient, attachment } of news.attached ?? []) {
    const here = mesh.attachments.get(recipientIndex(recipient))
    if (here !== undefined && here.number < attachment) replaceAttachment(broker.meshes, here)
  }
  for (const { recipient, seq } of news.mail ?? []) {
    const here = mesh.attachments.get(recipientIndex(recipient))
    if (here !== undefined && !knows(here, seq)) broker.window.wake(here)
  }
  if (news.presence !== undefined) tellHere(broker, mesh, news.presence)
  if (news.checkpoint !== undefined) void tellCheckpoint(broker, mesh, news.checkpoint).catch(failed)
}

/** True where everything up to `seq` was handed out or read already. */
const knows = ({ cursor, caughtUp, readUpTo }: Attachment, seq: number): boolean =>
  cursor >= seq || (caughtUp && readUpTo >= seq)

/** Tells the newest checkpoint here, unless one of so many leaves was told. */
export async function tellCheckpoint({ db }: Broker, mesh: MeshState, size: number): Promise<void> {
  if (size <= mesh.checkpointSize) return
  const newest = await db.newestCheckpoint(mesh.id)
  if (newest === null || newest.size <= mesh.checkpointSize) return
  mesh.checkpointSize = newest.size
  tellMesh(mesh, encodeBrokerFrame({ type: 'checkpoint', note: newest.note }))
}
