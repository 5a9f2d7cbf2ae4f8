/** The recipients of one mesh that are attached here. */
import type { Attachment } from './attachment.ts'
import type { OwnRun } from './own-run.ts'

export interface MeshRecipients {
  /** The mesh id, 32 bytes. */
  readonly id: Uint8Array
  /** By `recipientIndex`; one a recipient: the newest. */
  readonly attachments: Map<string, Attachment>
  /** What of the mesh's order this node made itself. */
  readonly run: OwnRun
}
