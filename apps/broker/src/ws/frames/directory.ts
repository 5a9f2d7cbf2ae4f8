/** `directory`: one page of the known sessions, a page small enough for one frame. */
import { type ClientFrameOf, encodeBrokerFrame } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import { statusLimits, withHookStatus } from '../../presence/hook-status.ts'
import type { Connection, Standing } from '../connection.ts'

/** Profiles are at most 16 KiB: 40 of them in base64 stay below a frame. */
const PAGE = 40

export async function directoryFrame(
  { db, clock, settings }: Broker,
  connection: Connection,
  { mesh }: Extract<Standing, { is: 'member' }>,
  { cursor, ref }: ClientFrameOf<'directory'>,
): Promise<void> {
  const now = clock.now()
  const page = await db.directory({ mesh: mesh.id, cursor, limit: PAGE, now })
  const entries = page.entries.map(entry => withHookStatus(entry, now, statusLimits(settings)))
  connection.sendJson(encodeBrokerFrame({ type: 'directory', ref, ...page, entries }))
}
