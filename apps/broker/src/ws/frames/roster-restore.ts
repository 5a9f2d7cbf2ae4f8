/** `roster.restore`: what a broker on an older database lacks, from a member who holds it signed. */
import { type ClientFrameOf, encodeBrokerFrame } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import { restoreEntries } from '../../roster/restore-entries.ts'
import type { Connection, Standing } from '../connection.ts'

export async function rosterRestoreFrame(
  broker: Broker,
  connection: Connection,
  { mesh, key }: Extract<Standing, { is: 'member' }>,
  frame: ClientFrameOf<'roster.restore'>,
): Promise<void> {
  const { seq, head } = await restoreEntries(broker, mesh, key, frame)
  connection.sendJson(encodeBrokerFrame({ type: 'appended', ref: frame.ref, seq, head }))
}
