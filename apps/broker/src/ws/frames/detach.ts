/** `detach`: the recipient leaves this socket; its mail waits in the database. */
import { type ClientFrameOf, encodeBrokerFrame, MeshError } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import { endAttachments } from '../../delivery/end-attachments.ts'
import { recipientIndex } from '../../delivery/recipient-index.ts'
import type { Connection, Standing } from '../connection.ts'

export async function detachFrame(
  broker: Broker,
  connection: Connection,
  { mesh }: Extract<Standing, { is: 'member' }>,
  { recipient, ref }: ClientFrameOf<'detach'>,
): Promise<void> {
  const index = recipientIndex(recipient)
  const attachment = connection.attachments.get(index)
  if (attachment === undefined)
    throw new MeshError('not-attached', 'This recipient is not attached on this socket.', {
      field: 'recipient',
    })
  connection.attachments.delete(index)
  await endAttachments(broker, mesh, [attachment])
  connection.sendJson(encodeBrokerFrame({ type: 'ok', ref }))
}
