/** What a new member knows of its mesh before the first connection, and how it enters a store. */
import { replayRoster, rosterEntryHash } from '@claudemesh/crypto'
import { equalBytes, MeshError, type RosterEntry } from '@claudemesh/protocol'
import { entryJson, entryOfJson } from '../roster/keeper.ts'
import type { ClientStore, EpochRow } from '../store.ts'

export interface MeshSeed {
  readonly mesh: Uint8Array
  /** Verified, from genesis; of a join all but the join itself, which the first connection brings. */
  readonly entries: readonly RosterEntry[]
  readonly epochs: readonly EpochRow[]
  /** Host the roster names, as dialled. */
  readonly host: string
  readonly url: string
}

/**
 * Writes a seed into a store, in one transaction. Entries already there must be the same ones.
 * Throws `integrity` for a seed that is no roster of its mesh, or a store that holds another history.
 */
export function seedStore(store: ClientStore, seed: MeshSeed): void {
  const entries = [...seed.entries]
  replayRoster(entries, { mesh: seed.mesh })
  store.transaction(() => {
    const held = store.roster.entries().map(entryOfJson)
    for (const [seq, entry] of entries.entries()) {
      const before = held[seq]
      if (!before) store.roster.append(seq, entryJson(entry))
      else if (!equalBytes(rosterEntryHash(before), rosterEntryHash(entry)))
        throw new MeshError('integrity', 'the store holds another history of the roster', { facts: { seq } })
    }
    const keys = new Set(store.epochs.all().map(row => row.number))
    for (const row of seed.epochs) if (!keys.has(row.number)) store.epochs.put(row)
  })
}
