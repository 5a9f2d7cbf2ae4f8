/** Attaching: the newest attachment of a recipient wins, and only it can ack. */
import {
  type Certificate,
  certificate,
  type PrekeyBundle,
  type PresenceRecord,
  prekeyBundle,
  presenceRecord,
  type Recipient,
  TIMES,
} from '@claudemesh/protocol'
import { byteaArray } from './array-text.ts'
import type { Database } from './database.ts'
import { json, run, timeOf } from './query.ts'
import { recipientKey, recipientOf } from './recipient-key.ts'

export interface AttachRequest {
  readonly mesh: Uint8Array
  readonly recipient: Recipient
  /** Claude session UUID; `null` for the person. */
  readonly uuid: string | null
  /** Fresh and verified by the caller; `null` for the person. */
  readonly certificate: Certificate | null
  readonly prekey: PrekeyBundle
  readonly presence: PresenceRecord | null
  /** Hash of the hook token handed out with `attached`; `null` leaves the one that stands. */
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
  | {
      readonly error: 'removed' | 'unauthenticated' | 'counter'
      /** With `counter`: what went back, and the record that stands. */
      readonly field?: 'prekey' | 'presence'
      readonly standing?: PrekeyBundle | PresenceRecord
    }

/** A recipient as one socket holds it. */
export interface AttachmentOf {
  readonly recipient: Recipient
  readonly attachment: number
}

interface AttachRow {
  readonly error: 'removed' | 'unauthenticated' | 'counter' | null
  readonly field: 'prekey' | 'presence' | null
  readonly standing: never
  readonly attachment: string
  readonly queued_up_to: string
  readonly acked: string
  readonly fresh: boolean
}

/**
 * Gives the recipient to this socket: a new attachment number, the lease `online` at `node`, an `attached` leaf.
 * Prekey number and presence counter never go back: `counter` brings the record that stands. `unauthenticated` = never a member.
 * Throws MeshError `unknown-mesh`.
 */
export async function attach(db: Database, p: AttachRequest): Promise<AttachOutcome> {
  const { sql } = db
  const knownUntil = p.certificate ? p.certificate.notAfter + TIMES.knownMs : null
  const [row] = await run(sql<AttachRow[]>`select * from ${db.fn}.attach(
    ${p.mesh}, ${recipientKey(p.recipient)}, ${p.uuid}, ${json(sql, p.certificate && certificate.encode(p.certificate))}, ${knownUntil},
    ${json(sql, prekeyBundle.encode(p.prekey))}, ${p.prekey.n},
    ${json(sql, p.presence && presenceRecord.encode(p.presence))}, ${p.presence?.counter ?? null},
    ${p.hookTokenHash}, ${p.node}, ${p.now}, ${p.renew ?? null})`)
  const { error, field, standing } = row!
  if (error === 'counter') {
    if (field === 'prekey') return { error, field, standing: prekeyBundle.decode(standing) }
    return { error, field: 'presence', standing: presenceRecord.decode(standing) }
  }
  if (error) return { error }
  return {
    error,
    attachment: Number(row!.attachment),
    queuedUpTo: Number(row!.queued_up_to),
    ackedUpTo: Number(row!.acked),
    fresh: row!.fresh,
  }
}

/** The socket is gone: the lease of each whose `attachment` still stands becomes `away` from `now` (ms; the database's clock where it is not given), with its leaf. Answers those. */
export async function detach(
  db: Database,
  p: { mesh: Uint8Array; seats: readonly AttachmentOf[]; now?: number },
): Promise<Recipient[]> {
  const keys = byteaArray(p.seats.map(({ recipient }) => recipientKey(recipient)))
  const numbers = `{${p.seats.map(({ attachment }) => attachment).join(',')}}`
  const rows = await run(db.sql<{ key: Uint8Array }[]>`select key from ${db.fn}.detach(
    ${p.mesh}, ${keys}::bytea[], ${numbers}::bigint[], ${db.fn}.ms(${timeOf(db, p.now)}))`)
  return rows.map(({ key }) => recipientOf(key))
}
