/** What a new member knows of its mesh before the first connection, and how it enters a store. */
import { type Roster, replayRoster, rosterEntryHash } from '@claudemesh/crypto'
import { equalBytes, MeshError, type RosterEntry } from '@claudemesh/protocol'
import { entryJson, entryOfJson, pinHead, pinnedHead, type Replayed } from '../roster/stored.ts'
import type { ClientStore, EpochRow } from '../store.ts'

export interface MeshSeed {
  readonly mesh: Uint8Array
  /** Verified, from genesis; of a join all but the join itself, which the first connection brings. */
  readonly entries: readonly RosterEntry[]
  readonly epochs: readonly EpochRow[]
  /** Host the roster names, as dialled. */
  readonly host: string
  readonly url: string
  /** What the entries say, where they were verified already; left out, `seedStore` verifies them. */
  readonly roster?: Roster
}

/**
 * Writes a seed into a store, in one transaction. Entries already there must be the same ones.
 * Throws `integrity` for a seed that is no roster of its mesh, or a store that holds another history.
 */
export function seedStore(store: ClientStore, { mesh, entries, epochs, roster }: MeshSeed): void {
  const { head } = roster ?? replayRoster(entries, { mesh })
  store.transaction(() => {
    const held = store.roster.count()
    requireSame(store, held, entries)
    if (held < entries.length) store.roster.append(held, entries.slice(held).map(entryJson))
    if (held <= entries.length) pinHead(store, head)
    const keys = new Set(store.epochs.all().map(row => row.number))
    for (const row of epochs) if (!keys.has(row.number)) store.epochs.put(row)
  })
}

/** What is held is what begins the seed, or goes on behind it. A pinned head says so for all before it. */
function requireSame(store: ClientStore, held: number, entries: readonly RosterEntry[]): void {
  const [pinned, last] = [pinnedHead(store), entries[held - 1]]
  if (held === 0 || (pinned && last && equalBytes(pinned, rosterEntryHash(last)))) return
  const stored = store.roster.entries()
  for (const [seq, entry] of entries.slice(0, held).entries())
    if (!equalBytes(rosterEntryHash(entryOfJson(stored[seq]!)), rosterEntryHash(entry)))
      throw new MeshError('integrity', 'the store holds another history of the roster', { facts: { seq } })
}

/** The roster of a seed, where it is just what the store holds. */
export function seeded(store: ClientStore, seed: MeshSeed | undefined): Replayed | undefined {
  const { roster, entries } = seed ?? {}
  const pinned = pinnedHead(store)
  if (!roster || !entries || !pinned || !equalBytes(pinned, roster.head)) return undefined
  return store.roster.count() === entries.length ? { roster, entries: [...entries] } : undefined
}
