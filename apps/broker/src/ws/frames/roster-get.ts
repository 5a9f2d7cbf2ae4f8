/** `roster.get`: entries from a seq on, with the reader's own copies of the epoch keys that begin in them. */
import { type ClientFrameOf, encodeRosterFrame } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import type { Connection, Standing } from '../connection.ts'

/** Entries are at most 5 KiB of JSON, 16 hosts and a restored log aside: a page stays below a frame. */
const PAGE = 128

export async function rosterGetFrame(
  { db }: Broker,
  connection: Connection,
  { mesh, key }: Exclude<Standing, { is: 'stranger' }>,
  { from, ref }: ClientFrameOf<'roster.get'>,
): Promise<void> {
  const { entries, ...page } = await db.rosterText({ mesh: mesh.id, from, limit: PAGE, reader: key })
  const missing = mesh.copiesMissing ? { copiesMissing: true as const } : {}
  connection.sendJson(encodeRosterFrame({ ref, ...page, ...missing }, entries))
}
