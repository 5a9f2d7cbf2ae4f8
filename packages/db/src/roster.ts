/** The roster as the broker keeps it: an append-only chain, appended by compare-and-swap on its head. */
import { type EpochCopy, MeshError, type RosterEntry } from '@claudemesh/protocol'
import type { Database } from './database.ts'

export type AppendOutcome =
  | { readonly seq: number; readonly head: Uint8Array }
  | { readonly conflict: { readonly seq: number; readonly head: Uint8Array } }

/**
 * Appends one verified entry: entry, audit leaf, member and invite rows, epoch copies in one transaction.
 * The caller has verified it against the roster at (`expectedSeq`, `expectedHead`). A `remove` marks the member at once;
 * `dropRemoved` then ends the queued mail. Throws `unknown-mesh`.
 */
export async function appendRoster(
  _db: Database,
  _p: {
    mesh: Uint8Array
    entry: RosterEntry
    hash: Uint8Array
    expectedSeq: number
    expectedHead: Uint8Array
    copies: readonly EpochCopy[]
    now: number
  },
): Promise<AppendOutcome> {
  throw new MeshError('unsupported', 'being built')
}

/** A new mesh with its genesis and broker entry. `created: false` when exactly these already stood; another chain: `conflict`. */
export async function createMesh(
  _db: Database,
  _p: { mesh: Uint8Array; entries: readonly { entry: RosterEntry; hash: Uint8Array }[]; now: number },
): Promise<{ created: boolean }> {
  throw new MeshError('unsupported', 'being built')
}

export interface RosterPage {
  readonly entries: RosterEntry[]
  readonly head: Uint8Array
  readonly headSeq: number
  /** Epoch keys sealed to `reader`, for the epochs that begin in `entries`. */
  readonly copies: { epoch: number; copy: Uint8Array }[]
}
/** Entries from seq `from` on. `reader`: member key or invite key. Throws `unknown-mesh`. */
export async function rosterPage(
  _db: Database,
  _p: { mesh: Uint8Array; from: number; limit: number; reader: Uint8Array },
): Promise<RosterPage> {
  throw new MeshError('unsupported', 'being built')
}

/** The mesh behind an invite code, whatever the state of the invite; `null` when no such code was ever made. */
export async function findInviteMesh(_db: Database, _code: Uint8Array): Promise<Uint8Array | null> {
  throw new MeshError('unsupported', 'being built')
}

export interface MemberRow {
  readonly removed: boolean
}
/** Whether this key is or was a member; `null` when it never was. */
export async function findMember(
  _db: Database,
  _p: { mesh: Uint8Array; member: Uint8Array },
): Promise<MemberRow | null> {
  throw new MeshError('unsupported', 'being built')
}
