/** The roster in the store: entries as the JSON of the wire, and the pinned head that says they were verified. */
import { type Roster, replayRoster } from '@claudemesh/crypto'
import { fromBase64url, MeshError, type RosterEntry, rosterEntry, toBase64url } from '@claudemesh/protocol'
import { z } from 'zod'
import { wireJson } from '../store/wire-json.ts'
import type { ClientStore } from '../store.ts'

export const entryJson = (entry: RosterEntry): string => wireJson(entry)
export const entryOfJson = (json: string): RosterEntry => z.decode(rosterEntry, JSON.parse(json))

/** Hash of the last entry that stands in the store: all up to it was verified when it was written. */
const HEAD = 'roster-head'
export const pinnedHead = (store: ClientStore): Uint8Array | undefined =>
  fromBase64url(store.settings.get(HEAD) ?? '')
/** Inside the transaction that writes the entry with this hash, which was verified like all before it. */
export const pinHead = (store: ClientStore, head: Uint8Array): void =>
  store.settings.set(HEAD, toBase64url(head))

export interface Replayed {
  readonly roster: Roster
  readonly entries: RosterEntry[]
}

/** Replays what a store holds. Throws `integrity` if it is not a roster of this mesh. */
export function replayStored(store: ClientStore, mesh: Uint8Array): Replayed {
  const entries = store.roster.entries().map(entryOfJson)
  if (entries.length === 0)
    throw new MeshError('integrity', 'the store holds no roster: create or join a mesh first')
  return { roster: replayRoster(entries, { mesh, verifiedHead: pinnedHead(store) }), entries }
}
