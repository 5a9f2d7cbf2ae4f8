/** What a session says of itself between attaches: newer records replace older ones, never the other way round. */
import {
  type Certificate,
  MeshError,
  type PrekeyBundle,
  type PresenceRecord,
  type PresenceStatus,
} from '@claudemesh/protocol'
import type { Database } from './database.ts'
import type { Seat } from './delivery-types.ts'

/** `certificate`: a renewed one to store with it. The same record again is no error. Throws `counter` (facts.standing, wire JSON) or `not-attached`. */
export async function putPresence(
  _db: Database,
  _p: { mesh: Uint8Array; record: PresenceRecord; certificate?: Certificate | null; now: number },
): Promise<void> {
  throw new MeshError('unsupported', 'being built')
}

/** Throws `counter` (facts.standing, wire JSON) when a newer `n` stands, `not-attached` when the recipient never attached. */
export async function putPrekey(
  _db: Database,
  _p: { mesh: Uint8Array; prekey: PrekeyBundle; now: number },
): Promise<void> {
  throw new MeshError('unsupported', 'being built')
}

/** The status by `/hook/set-status`. Throws `unauthenticated` for an unknown token, `not-found` when it is not this UUID's. */
export async function setHookStatus(
  _db: Database,
  _p: { tokenHash: Uint8Array; uuid: string; status: PresenceStatus; now: number },
): Promise<Seat> {
  throw new MeshError('unsupported', 'being built')
}
