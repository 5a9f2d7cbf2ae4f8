/** What other nodes appended to a roster: read, verified, and with the same effect here as an append of our own. */
import { applyEntry } from '@claudemesh/crypto'
import { encodeBrokerFrame, LIMITS, rosterEntry } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { type MeshState, tellMesh } from './mesh-state.ts'
import { lacksCopies } from './meshes.ts'
import { removeMember } from './remove-member.ts'

/** Brings the roster in memory to the database's, after the append that is under way. Throws `integrity` for what does not verify. */
export function catchUp(broker: Broker, mesh: MeshState): Promise<void> {
  const turn = mesh.appending.then(() => readOn(broker, mesh))
  mesh.appending = turn.catch(() => {})
  return turn
}

/** The same for who holds the turn to append. */
export async function readOn(broker: Broker, mesh: MeshState): Promise<void> {
  const { db, log } = broker
  const began = mesh.roster.seq
  const removed: Uint8Array[] = []
  for (;;) {
    const { roster, id } = mesh
    const page = await db.rosterPage({ mesh: id, from: roster.seq + 1, limit: LIMITS.rosterPage, reader: id })
    for (const wire of page.entries) {
      const entry = rosterEntry.decode(wire)
      applyEntry(roster, entry)
      if (entry.kind === 'remove') removed.push(entry.body.member)
    }
    if (page.entries.length === 0 || roster.seq >= page.headSeq) break
  }
  const { roster } = mesh
  if (roster.seq === began) return
  if (roster.epoch.beganSeq > began) mesh.copiesMissing = await lacksCopies(db, roster)
  log.info('roster.followed', { seq: roster.seq })
  tellMesh(mesh, encodeBrokerFrame({ type: 'roster.changed', seq: roster.seq, head: roster.head }))
  for (const member of removed) removeMember(broker, mesh, member)
}

/** The mesh with its roster as it stands in the database now: for who has to be judged by it. Throws as `Meshes.open`. */
export async function openCurrent(broker: Broker, id: Uint8Array): Promise<MeshState> {
  const mesh = await broker.meshes.open(id)
  const [head] = await broker.db.meshHeads({ meshes: [id] })
  if (head !== undefined && head.rosterSeq > mesh.roster.seq) await catchUp(broker, mesh)
  return mesh
}
