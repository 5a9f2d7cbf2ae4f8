/** What a session says of itself between attaches: newer records replace older ones, never the other way round. */
import {
  type Certificate,
  certificate,
  MeshError,
  type PrekeyBundle,
  type PresenceRecord,
  type PresenceStatus,
  prekeyBundle,
  presenceRecord,
  TIMES,
} from '@claudemesh/protocol'
import type { Database } from './database.ts'
import type { Seat } from './delivery-types.ts'
import { json, run } from './query.ts'
import { recipientKey, recipientOf } from './recipient-key.ts'

/**
 * Stores a signed presence record and, where one comes with it, the renewed certificate. The same record again is no error.
 * Throws `counter` (facts.standing: the record that stands, wire JSON) or `not-attached` (this session never attached).
 */
export async function putPresence(
  db: Database,
  p: { mesh: Uint8Array; record: PresenceRecord; certificate?: Certificate | null; now: number },
): Promise<void> {
  const { sql } = db
  const { record } = p
  if (p.certificate && p.certificate.notAfter <= p.now)
    throw new MeshError('expired', 'this certificate ran out', { field: 'certificate' })
  const id = await seatOf(db, p.mesh, recipientKey(record))
  const renewed = p.certificate ? json(sql, certificate.encode(p.certificate)) : null
  const done =
    await run(sql`update mesh.lease set presence = ${json(sql, presenceRecord.encode(record))}, presence_counter = ${record.counter},
      certificate = coalesce(${renewed}::jsonb, certificate)
    where recipient_id = ${id} and presence_counter <= ${record.counter}`)
  if (done.count === 0) await refuseCounter(db, id, 'presence')
  if (p.certificate) {
    await run(sql`update mesh.recipient set known_until = greatest(known_until, ${db.fn}.at(${p.certificate.notAfter + TIMES.knownMs}))
      where id = ${id}`)
  }
}

/** Throws `counter` (facts.standing: the bundle that stands, wire JSON) when a newer `n` stands, `not-attached` when its owner never attached. */
export async function putPrekey(
  db: Database,
  p: { mesh: Uint8Array; prekey: PrekeyBundle; now: number },
): Promise<void> {
  if (p.prekey.usableUntil <= p.now)
    throw new MeshError('expired', 'this prekey ran out', { field: 'prekey' })
  const id = await seatOf(db, p.mesh, recipientKey(p.prekey))
  const done =
    await run(db.sql`update mesh.lease set prekey = ${json(db.sql, prekeyBundle.encode(p.prekey))}, prekey_n = ${p.prekey.n}
    where recipient_id = ${id} and prekey_n <= ${p.prekey.n}`)
  if (done.count === 0) await refuseCounter(db, id, 'prekey')
}

/**
 * The status by `/hook/set-status`, shown as unverified.
 * Throws `unauthenticated` for an unknown token, `not-found` when the token is not this UUID's.
 */
export async function setHookStatus(
  db: Database,
  p: { tokenHash: Uint8Array; uuid: string; status: PresenceStatus; now: number },
): Promise<Seat> {
  const [row] = await run(db.sql<{ id: string; uuid: string | null; mesh: Uint8Array; key: Uint8Array }[]>`
    select r.id, l.uuid, h.mesh, r.key from mesh.lease l
    join mesh.recipient r on r.id = l.recipient_id join mesh.mesh_head h on h.id = r.mesh_id
    where l.hook_token_hash = ${p.tokenHash} and not r.removed`)
  if (!row) throw new MeshError('unauthenticated', 'this hook token is not known')
  if (row.uuid !== p.uuid)
    throw new MeshError('not-found', 'this hook token belongs to another session', { field: 'session_id' })
  await run(
    db.sql`update mesh.lease set hook_status = ${p.status}, hook_at = ${db.fn}.at(${p.now}) where recipient_id = ${row.id}`,
  )
  return { mesh: row.mesh, recipient: recipientOf(row.key) }
}

async function seatOf(db: Database, mesh: Uint8Array, key: Uint8Array): Promise<string> {
  const [row] = await run(db.sql<
    { id: string }[]
  >`select r.id from mesh.recipient r join mesh.lease l on l.recipient_id = r.id
    where r.mesh_id = (select id from mesh.mesh_head where mesh = ${mesh}) and r.key = ${key} and not r.removed`)
  if (!row) throw new MeshError('not-attached', 'this recipient never attached here')
  return row.id
}

async function refuseCounter(db: Database, id: string, what: 'prekey' | 'presence'): Promise<never> {
  const [row] = await run(
    db.sql<
      { prekey: unknown; presence: unknown }[]
    >`select prekey, presence from mesh.lease where recipient_id = ${id}`,
  )
  throw new MeshError('counter', `a newer ${what} stands`, { field: what, facts: { standing: row?.[what] } })
}
