/** `prekeys.put`: a rotated prekey of a recipient that is attached here. */
import { verifyPrekey } from '@claudemesh/crypto'
import { type ClientFrameOf, encodeBrokerFrame } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import { attachedHere } from '../attached-here.ts'
import type { Connection, Standing } from '../connection.ts'

export async function prekeysPutFrame(
  { db, clock }: Broker,
  connection: Connection,
  { mesh }: Extract<Standing, { is: 'member' }>,
  { prekey, ref }: ClientFrameOf<'prekeys.put'>,
): Promise<void> {
  attachedHere(connection, { member: prekey.member, session: prekey.session }, 'prekey')
  const now = clock.now()
  verifyPrekey(prekey, { mesh: mesh.id, now })
  await db.putPrekey({ mesh: mesh.id, prekey, now })
  connection.sendJson(encodeBrokerFrame({ type: 'ok', ref }))
}
