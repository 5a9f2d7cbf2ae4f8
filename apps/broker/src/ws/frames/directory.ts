/** `directory`: one page of the known sessions, a page small enough for one frame, and nothing in it older than what was told. */
import type { DatedEntry } from '@claudemesh/db'
import { type ClientFrameOf, encodeBrokerFrame } from '@claudemesh/protocol'
import type { Broker } from '../../broker.ts'
import { recipientIndex } from '../../delivery/recipient-index.ts'
import { statusLimits, withHookStatus } from '../../presence/hook-status.ts'
import type { MeshState } from '../../roster/mesh-state.ts'
import type { Connection, Standing } from '../connection.ts'

/** Profiles are at most 16 KiB: 40 of them in base64 stay below a frame. */
const PAGE = 40

export async function directoryFrame(
  broker: Broker,
  connection: Connection,
  { mesh }: Extract<Standing, { is: 'member' }>,
  { cursor, ref }: ClientFrameOf<'directory'>,
): Promise<void> {
  const { db, clock, settings, node } = broker
  const now = clock.now()
  const page = await db.directory({ mesh: mesh.id, cursor, limit: PAGE, node })
  const found = await freshened(broker, mesh, page.entries)
  const entries = found.map(({ changedAt: _, ...entry }) =>
    withHookStatus(entry, now, statusLimits(settings)),
  )
  connection.sendJson(encodeBrokerFrame({ type: 'directory', ref, cursor: page.cursor, entries }))
}

/** A presence that was told while the page was read may be newer than the page: such sessions are read again. */
async function freshened(
  broker: Broker,
  mesh: MeshState,
  entries: readonly DatedEntry[],
): Promise<readonly DatedEntry[]> {
  const stale = new Map(
    entries
      .filter(entry => (mesh.told.get(indexOf(entry)) ?? 0) > entry.changedAt)
      .map(entry => [indexOf(entry), entry.certificate]),
  )
  if (stale.size === 0) return entries
  const again = await broker.db.directoryOf({
    mesh: mesh.id,
    recipients: [...stale.values()],
    node: broker.node,
  })
  // Who is not found any more is told of by nobody.
  const kept = entries.filter(entry => !stale.has(indexOf(entry)))
  return freshened(broker, mesh, [...kept, ...again])
}

const indexOf = ({ certificate: { member, session } }: DatedEntry): string =>
  recipientIndex({ member, session })
