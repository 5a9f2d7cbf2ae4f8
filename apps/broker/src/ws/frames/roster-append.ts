/** `roster.append`: one verified entry behind the head; a guest may append the join of its own invite, once. */
import { type ClientFrameOf, encodeBrokerFrame, equalBytes, MeshError } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import { appendEntry } from '../../roster/append-entry.ts'
import type { Connection, Standing } from '../connection.ts'

export async function rosterAppendFrame(
  broker: Broker,
  connection: Connection,
  standing: Exclude<Standing, { is: 'stranger' }>,
  { entry, copies, ref }: ClientFrameOf<'roster.append'>,
): Promise<void> {
  if (standing.is === 'invited') {
    if (standing.joined)
      throw new MeshError('forbidden', 'This invite has joined on this socket: say hello as a member.', {
        field: 'entry',
      })
    if (entry.kind !== 'join' || !equalBytes(entry.body.invite, standing.invite))
      throw new MeshError('forbidden', 'An invite appends the join that uses it, nothing else.', {
        field: 'entry.kind',
      })
  }
  const brought = [...connection.copies, ...(copies ?? [])]
  connection.copies = []
  const { seq, head } = await appendEntry(broker, standing.mesh, entry, { copies: brought })
  if (standing.is === 'invited') standing.joined = true
  connection.sendJson(encodeBrokerFrame({ type: 'appended', ref, seq, head }))
}
