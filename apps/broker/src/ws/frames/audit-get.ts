/** `audit.get`: a page of the log, every hash of it and the bodies that the reader may see, with the checkpoints that end in it. */
import { type ClientFrameOf, encodeBrokerFrame, MeshError } from '@claudemesh/protocol'
import { shownTo } from '../../audit/shown-to.ts'
import type { Broker } from '../../broker.ts'
import type { Connection, Standing } from '../connection.ts'
import { requireSigned } from './audit-proof.ts'

/** A leaf is at most 500 bytes of JSON and a checkpoint 500: a page stays below a frame. */
const PAGE = 1000
const CHECKPOINTS = 256

export async function auditGetFrame(
  { db }: Broker,
  connection: Connection,
  { mesh, key }: Extract<Standing, { is: 'member' }>,
  { from, size, ref }: ClientFrameOf<'audit.get'>,
): Promise<void> {
  await requireSigned(db, mesh.id, size)
  const to = Math.min(size, from + PAGE)
  const rows = await db.auditLeaves({ mesh: mesh.id, from, to })
  const gap = rows.findIndex((row, i) => row.index !== from + i)
  if (gap !== -1 || rows.length < to - from)
    throw new MeshError('internal', 'The audit log lacks a leaf: see the log of the broker.')
  const checkpoints = await db.checkpointsIn({ mesh: mesh.id, above: from, upTo: to, limit: CHECKPOINTS })
  const show = shownTo(mesh.roster, key)
  connection.sendJson(
    encodeBrokerFrame({
      type: 'audit',
      ref,
      leaves: rows.map(show),
      checkpoints: checkpoints.map(({ note }) => note),
    }),
  )
}
