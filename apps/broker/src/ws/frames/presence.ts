/** `presence`: a newer signed record of a session attached here, with a renewed certificate where there is one; told to the mesh. */
import { verifyPresence } from '@claudemesh/crypto'
import { type ClientFrameOf, encodeBrokerFrame } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import { tellPresence } from '../../presence/tell-presence.ts'
import { checkCertificate } from '../../roster/check-certificate.ts'
import { attachedHere } from '../attached-here.ts'
import type { Connection, Standing } from '../connection.ts'

export async function presenceFrame(
  broker: Broker,
  connection: Connection,
  { mesh }: Extract<Standing, { is: 'member' }>,
  { record, certificate, ref }: ClientFrameOf<'presence'>,
): Promise<void> {
  const session = { member: record.member, session: record.session }
  attachedHere(connection, session, 'record')
  const now = broker.clock.now()
  verifyPresence(record, { mesh: mesh.id, now })
  if (certificate) checkCertificate(mesh, certificate, session, now)
  await broker.db.putPresence({ mesh: mesh.id, record, certificate: certificate ?? null, now })
  connection.sendJson(encodeBrokerFrame({ type: 'ok', ref }))
  tellPresence(broker, mesh.id, [session], connection)
}
