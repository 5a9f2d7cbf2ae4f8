/** Who can be written to and how: the directory and the prekeys, as others see them. */
import {
  type Certificate,
  certificate,
  type DirectoryEntry,
  fromBase64url,
  type Lease,
  MeshError,
  type PrekeyBundle,
  type PresenceStatus,
  prekeyBundle,
  presenceRecord,
  type Recipient,
  toBase64url,
} from '@claudemesh/protocol'
import { byteaArray } from './array-text.ts'
import type { Database } from './database.ts'
import { run, timeOf } from './query.ts'
import { recipientKey } from './recipient-key.ts'

interface CardRow {
  readonly key: Uint8Array
  readonly certificate: never
  readonly presence: never | null
  readonly lease: Lease
  readonly lease_at: string
  readonly hook_status: PresenceStatus | null
  readonly hook_at: string | null
}

type DatedRow = CardRow & { readonly changed_at: string }

/** An entry, and when what others see of it last changed: ms of the database's clock. */
export type DatedEntry = DirectoryEntry & { readonly changedAt: number }

/**
 * One page of known sessions of standing members, dated, in the order of their keys; `cursor: null` begins and ends.
 * `node` asks, here and below, so it lives: who is attached there is online, though its heartbeat may be late. `now`, ms, is the
 * database's clock where it is not given.
 */
export async function directory(
  db: Database,
  p: { mesh: Uint8Array; cursor: string | null; limit: number; now?: number; node?: string },
): Promise<{ entries: DatedEntry[]; cursor: string | null }> {
  const after = p.cursor === null ? new Uint8Array() : fromBase64url(p.cursor)
  if (!after)
    throw new MeshError('bad-field', 'this cursor was not given by a directory', { field: 'cursor' })
  const rows = await run(db.sql<DatedRow[]>`
    select ${db.fn}.ms(l.changed_at) as changed_at, r.key, l.certificate, l.presence, l.hook_status, ${db.fn}.ms(l.hook_at) as hook_at, ${db.fn}.ms(l.state_at) as lease_at,
      ${db.fn}.lease_state(l.state, l.state_at, case when l.node = ${p.node ?? ''} then 'infinity' else n.beat_until end, ${timeOf(db, p.now)}) as lease
    from mesh.recipient r
    join mesh.lease l on l.recipient_id = r.id
    left join mesh.node n on n.name = l.node
    where r.mesh_id = (select id from mesh.mesh_head where mesh = ${p.mesh}) and r.key > ${after}
      and not r.removed and r.known_until >= ${timeOf(db, p.now)} and l.certificate is not null
    order by r.key limit ${p.limit}`)
  const last = rows.length === p.limit ? rows.at(-1) : undefined
  return { entries: rows.map(datedEntryOf), cursor: last ? toBase64url(last.key) : null }
}

/** The entries of these sessions alone, dated; what is not known is left out. */
export async function directoryOf(
  db: Database,
  p: { mesh: Uint8Array; recipients: readonly Recipient[]; now?: number; node?: string },
): Promise<DatedEntry[]> {
  const rows = await run(db.sql<DatedRow[]>`select * from ${db.fn}.directory_of(
    ${p.mesh}, ${byteaArray(p.recipients.map(recipientKey))}::bytea[], ${p.node ?? ''}, ${p.now ?? null})`)
  return rows.map(datedEntryOf)
}

const datedEntryOf = (row: DatedRow): DatedEntry => ({ ...entryOf(row), changedAt: Number(row.changed_at) })

function entryOf(row: CardRow): DirectoryEntry {
  return {
    certificate: certificate.decode(row.certificate),
    presence: row.presence === null ? null : presenceRecord.decode(row.presence),
    lease: row.lease,
    leaseAt: Number(row.lease_at),
    hook: row.hook_status === null ? null : { status: row.hook_status, at: Number(row.hook_at) },
  }
}

export interface PrekeyRow {
  readonly recipient: Recipient
  readonly certificate: Certificate | null
  readonly prekey: PrekeyBundle | null
  readonly lease: Lease
}

/** One row per recipient asked for, in that order; who is unknown or removed has neither certificate nor prekey. */
export async function getPrekeys(
  db: Database,
  p: { mesh: Uint8Array; recipients: readonly Recipient[]; now?: number; node?: string },
): Promise<PrekeyRow[]> {
  const rows = await run(db.sql<
    { key: Uint8Array; certificate: never | null; prekey: never; lease: Lease }[]
  >`
    select r.key, l.certificate, l.prekey, ${db.fn}.lease_state(l.state, l.state_at, case when l.node = ${p.node ?? ''} then 'infinity' else n.beat_until end, ${timeOf(db, p.now)}) as lease
    from mesh.recipient r
    join mesh.lease l on l.recipient_id = r.id
    left join mesh.node n on n.name = l.node
    where r.mesh_id = (select id from mesh.mesh_head where mesh = ${p.mesh}) and r.key = any(${byteaArray(p.recipients.map(recipientKey))}::bytea[])
      and not r.removed and (r.known_until is null or r.known_until >= ${timeOf(db, p.now)})`)
  const found = new Map(rows.map(row => [toBase64url(row.key), row]))
  return p.recipients.map(recipient => {
    const row = found.get(toBase64url(recipientKey(recipient)))
    return {
      recipient,
      certificate: row?.certificate ? certificate.decode(row.certificate) : null,
      prekey: row ? prekeyBundle.decode(row.prekey) : null,
      lease: row?.lease ?? 'offline',
    }
  })
}
