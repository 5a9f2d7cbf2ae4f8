/** What a new member knows of its mesh before the first connection, and how it enters a store. */
import { MeshError, type RosterEntry } from '@claudemesh/protocol'
import type { ClientStore, EpochRow } from '../store.ts'

export interface MeshSeed {
  readonly mesh: Uint8Array
  /** Verified, from genesis. */
  readonly entries: readonly RosterEntry[]
  readonly epochs: readonly EpochRow[]
  /** Host the roster names, as dialled. */
  readonly host: string
  readonly url: string
}

/** Writes a seed into an empty store, in one transaction; a store that holds this very beginning is left as it is. Throws `integrity` if it holds another mesh. */
export function seedStore(_store: ClientStore, _seed: MeshSeed): void {
  throw new MeshError('unsupported', 'not built yet')
}
