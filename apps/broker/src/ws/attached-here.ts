/** Only who is attached on a socket may speak for itself there. */
import { MeshError, type Recipient } from '@claudemesh/protocol'
import { recipientIndex } from '../delivery/recipient-index.ts'
import type { Connection } from './connection.ts'

/** Throws `not-attached` or `replaced` unless `recipient` stands attached on this socket. */
export function attachedHere(connection: Connection, recipient: Recipient, field: string): void {
  const attachment = connection.attachments.get(recipientIndex(recipient))
  if (attachment === undefined)
    throw new MeshError('not-attached', 'This recipient is not attached on this socket.', { field })
  if (!attachment.live)
    throw new MeshError('replaced', 'Another connection attached this recipient after you.', { field })
}
