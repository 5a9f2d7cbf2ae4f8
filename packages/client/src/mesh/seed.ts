/** What a new member knows of its mesh before the first connection, and how it enters a store. */
import { replayRoster, rosterEntryHash } from '@claudemesh/crypto'
import { equalBytes, MeshError, type RosterEntry } from '@claudemesh/protocol'
import { entryJson, entryOfJson, pinHead, pinnedHead } from '../roster/keeper.ts'
import type { ClientStore, EpochRow } from '../store.ts'

export interface MeshSeed {
  readonly mesh: Uint8Array
  /** Verified, from genesis; of a join all but the join itself, which the first connection brings. */
  readonly entries: readonly RosterEntry[]
  readonly epochs: readonly EpochRow[]
  /** Host the roster names, as dialled. */
  readonly host: string
  readonly url: string
  /** Hash of the last entry, where all signatures were verified already; left out, `seedStore` verifies them. */
  readonly verifiedHead?: Uint8Array
}

/**
 * Writes a seed into a store, in one transaction. Entries already there must be the same ones.
 * Throws `integrity` for a seed that is no roster of its mesh, or a store that holds another history.
 */
export function seedStore(store: ClientStore, { mesh, entries, epochs, verifiedHead }: MeshSeed): void {
  const head = verifiedHead ?? replayRoster(entries, { mesh }).head
  store.transaction(() => {
    const held = store.roster.entries()
    requireSame(store, held, entries)
    for (const [seq, entry] of entries.entries())
      if (seq >= held.length) store.roster.append(seq, entryJson(entry))
    if (held.length <= entries.length) pinHead(store, head)
    const keys = new Set(store.epochs.all().map(row => row.number))
    for (const row of epochs) if (!keys.has(row.number)) store.epochs.put(row)
  })
}

/** What is held is what begins the seed, or goes on behind it. A pinned head says so for all before it. */
function requireSame(store: ClientStore, held: readonly string[], entries: readonly RosterEntry[]): void {
  const [pinned, last] = [pinnedHead(store), entries[held.length - 1]]
  if (pinned && last && equalBytes(pinned, rosterEntryHash(last))) return
  for (const [seq, entry] of entries.entries())
    if (
      held[seq] !== undefined &&
      !equalBytes(rosterEntryHash(entryOfJson(held[seq])), rosterEntryHash(entry))
    )
      throw new MeshError('integrity', 'the store holds another history of the roster', { facts: { seq } })
}
