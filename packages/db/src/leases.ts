/** Leases: nobody is shown online longer than the node that holds the socket lives, and away at most the grace. */
import { type Lease, MeshError } from '@claudemesh/protocol'
import type { Database } from './database.ts'
import type { Seat } from './delivery-types.ts'

export interface LeaseChange extends Seat {
  readonly lease: Lease
  /** ms since 1970. */
  readonly leaseAt: number
}

/** At start of a broker: the node's name is ours until now + `leaseMs`, and what it held before becomes `away` from `now`. */
export async function claimNode(
  _db: Database,
  _p: { node: string; now: number; leaseMs: number },
): Promise<LeaseChange[]> {
  throw new MeshError('unsupported', 'being built')
}

/** One heartbeat keeps every lease of the node until now + `leaseMs`. */
export async function renewLeases(
  _db: Database,
  _p: { node: string; now: number; leaseMs: number },
): Promise<void> {
  throw new MeshError('unsupported', 'being built')
}

/** At shutdown: everything the node still holds becomes `away` from `now`. */
export async function releaseNode(_db: Database, _p: { node: string; now: number }): Promise<LeaseChange[]> {
  throw new MeshError('unsupported', 'being built')
}

/** Leases of nodes that stopped beating become `away`, those away longer than 90 s `offline`. */
export async function sweepLeases(_db: Database, _p: { now: number }): Promise<LeaseChange[]> {
  throw new MeshError('unsupported', 'being built')
}
