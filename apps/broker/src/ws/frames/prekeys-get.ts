/** `prekeys.get`: what to seal to, for each recipient asked for, in that order. */
import { type ClientFrameOf, encodeBrokerFrame } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import type { Connection, Standing } from '../connection.ts'

export async function prekeysGetFrame(
  { db, node }: Broker,
  connection: Connection,
  { mesh }: Extract<Standing, { is: 'member' }>,
  { recipients, ref }: ClientFrameOf<'prekeys.get'>,
): Promise<void> {
  const rows = await db.getPrekeys({ mesh: mesh.id, recipients, node })
  connection.sendJson(encodeBrokerFrame({ type: 'prekeys', ref, bundles: rows.map(row => ({ ...row })) }))
}
