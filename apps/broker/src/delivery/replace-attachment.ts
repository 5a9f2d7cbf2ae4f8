/** The end of an attachment whose recipient attached elsewhere: nothing more is pushed, and its socket is told. */
import type { Meshes } from '../roster/meshes.ts'
import type { Attachment } from './attachment.ts'

/** Idempotent. */
export function replaceAttachment(meshes: Pick<Meshes, 'peek'>, attachment: Attachment): void {
  if (!attachment.live) return
  attachment.end()
  const standing = meshes.peek(attachment.mesh)?.attachments
  if (standing?.get(attachment.index) === attachment) standing.delete(attachment.index)
  attachment.socket.tellReplaced(attachment.recipient, attachment.number)
}
