/** Who can be written to and how: the directory and the prekeys, as others see them. */
import {
  type Certificate,
  type DirectoryEntry,
  type Lease,
  MeshError,
  type PrekeyBundle,
  type Recipient,
} from '@claudemesh/protocol'
import type { Database } from './database.ts'

/** One page of known sessions of standing members, in the order of their keys; `cursor: null` begins and ends. */
export async function directory(
  _db: Database,
  _p: { mesh: Uint8Array; cursor: string | null; limit: number; now: number },
): Promise<{ entries: DirectoryEntry[]; cursor: string | null }> {
  throw new MeshError('unsupported', 'being built')
}

/** The entries of these sessions alone; what is not known is left out. */
export async function directoryOf(
  _db: Database,
  _p: { mesh: Uint8Array; recipients: readonly Recipient[]; now: number },
): Promise<DirectoryEntry[]> {
  throw new MeshError('unsupported', 'being built')
}

export interface PrekeyRow {
  readonly recipient: Recipient
  readonly certificate: Certificate | null
  readonly prekey: PrekeyBundle | null
  readonly lease: Lease
}
/** One row per recipient asked for, in that order; unknown and removed ones have neither certificate nor prekey. */
export async function getPrekeys(
  _db: Database,
  _p: { mesh: Uint8Array; recipients: readonly Recipient[]; now: number },
): Promise<PrekeyRow[]> {
  throw new MeshError('unsupported', 'being built')
}
