/** Attaching: the newest attachment of a recipient wins, and only it can ack. */
import {
  type Certificate,
  MeshError,
  type PrekeyBundle,
  type PresenceRecord,
  type Recipient,
} from '@claudemesh/protocol'
import type { Database } from './database.ts'

export interface AttachRequest {
  readonly mesh: Uint8Array
  readonly recipient: Recipient
  /** Claude session UUID; `null` for the person. */
  readonly uuid: string | null
  /** Fresh and verified by the caller; `null` for the person. */
  readonly certificate: Certificate | null
  readonly prekey: PrekeyBundle
  readonly presence: PresenceRecord | null
  /** SHA-256 or alike of the hook token handed out with `attached`; `null` leaves the standing one. */
  readonly hookTokenHash: Uint8Array | null
  /** The broker node that holds the socket; `claimNode` first. */
  readonly node: string
  /** ms since 1970. */
  readonly now: number
  /** The number this same socket already holds: it is kept while it still stands. */
  readonly renew?: number
}
export type AttachOutcome =
  | {
      readonly error: null
      readonly attachment: number
      /** Highest seq in the queue, or the acked watermark when the queue is empty. */
      readonly queuedUpTo: number
      readonly ackedUpTo: number
      /** False when the number was kept. */
      readonly fresh: boolean
    }
  /** `removed`, `unauthenticated`: not a member; `counter`: prekey or presence went back, the standing record in `standing`. */
  | {
      readonly error: 'removed' | 'unauthenticated' | 'unknown-mesh' | 'counter'
      readonly field?: 'prekey' | 'presence'
      readonly standing?: PrekeyBundle | PresenceRecord
    }

export async function attach(_db: Database, _request: AttachRequest): Promise<AttachOutcome> {
  throw new MeshError('unsupported', 'being built')
}

/** The socket is gone: the lease becomes `away` from `now`, if `attachment` still stands. True when it did. */
export async function detach(
  _db: Database,
  _p: { mesh: Uint8Array; recipient: Recipient; attachment: number; now: number },
): Promise<boolean> {
  throw new MeshError('unsupported', 'being built')
}
