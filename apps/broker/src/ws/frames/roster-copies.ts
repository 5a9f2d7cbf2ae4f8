/** `roster.copies`: copies of an epoch key that are too many for the frame of their entry wait on the socket for it. */
import { mayWrite } from '@claudemesh/crypto'
import { type ClientFrameOf, encodeBrokerFrame, MeshError, toBase64url } from '@claudemesh/protocol'
import type { Connection, Standing } from '../connection.ts'

/** Never more than there are receivers; where more come, nothing is kept. */
export async function rosterCopiesFrame(
  connection: Connection,
  { mesh, key }: Extract<Standing, { is: 'member' }>,
  { copies, ref }: ClientFrameOf<'roster.copies'>,
): Promise<void> {
  const { members, inviteIndex } = mesh.roster
  const role = members.get(toBase64url(key))?.role
  if (role === undefined || !mayWrite('rekey', role))
    throw new MeshError('forbidden', 'Owners and admins begin an epoch.', { field: 'type' })
  const receivers = members.size + inviteIndex.openByExpiry.length
  if (connection.copies.length + copies.length > receivers) {
    connection.copies = []
    throw new MeshError('too-large', `The mesh has ${receivers} receivers of a key.`, { field: 'copies' })
  }
  connection.copies.push(...copies)
  connection.sendJson(encodeBrokerFrame({ type: 'ok', ref }))
}
