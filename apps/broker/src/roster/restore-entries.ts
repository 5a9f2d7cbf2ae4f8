/** Entries that this broker had and lost with its database: taken back as the exact continuation of what it still has. */
import { mayWrite, openCheckpoint, rosterEntryHash } from '@claudemesh/crypto'
import { equalBytes, MeshError, type RosterEntry, toBase64url } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { appendEntry } from './append-entry.ts'
import type { MeshState } from './mesh-state.ts'

/**
 * Takes entries back whatever their age, in order; all other rules hold. From an owner or admin, who could have let in anybody
 * anyway; from others only up to a roster head that this broker signed itself: else who holds an expired invite could
 * join by it with an old date.
 * Throws `forbidden`, `stale-head`, or what an entry breaks; what stands before the one that is refused is taken.
 */
export async function restoreEntries(
  broker: Broker,
  mesh: MeshState,
  by: Uint8Array,
  { entries, checkpoint }: { entries: readonly RosterEntry[]; checkpoint: string | null },
): Promise<{ seq: number; head: Uint8Array }> {
  const author = mesh.roster.members.get(toBase64url(by))
  if (!author) throw new MeshError('removed', 'This member was removed from the mesh.')
  if (!mayWrite('rekey', author.role)) requireSigned(broker, mesh, entries, checkpoint)
  let outcome = { seq: mesh.roster.seq, head: mesh.roster.head }
  for (const entry of entries) outcome = await appendEntry(broker, mesh, entry, { restored: true })
  return outcome
}

/** Every entry leads to the last, and the last is the head of a checkpoint of ours. */
function requireSigned(
  { key }: Broker,
  { id }: MeshState,
  entries: readonly RosterEntry[],
  checkpoint: string | null,
): void {
  if (checkpoint === null)
    throw new MeshError('forbidden', 'An owner or admin restores entries; others show the checkpoint.', {
      field: 'checkpoint',
    })
  const hashes = entries.map(rosterEntryHash)
  for (const [i, entry] of entries.entries())
    if (i > 0 && (entry.prev === null || !equalBytes(entry.prev, hashes[i - 1]!)))
      throw new MeshError('integrity', 'An entry does not follow the one before.', {
        field: `entries[${i}].prev`,
      })
  const { rosterSeq, rosterHead } = openCheckpoint(checkpoint, { mesh: id, keys: [key.publicKey] })
  if (entries.at(-1)?.seq !== rosterSeq || !equalBytes(hashes.at(-1)!, rosterHead))
    throw new MeshError('forbidden', 'The checkpoint is not of the last of these entries.', {
      field: 'checkpoint',
    })
}
