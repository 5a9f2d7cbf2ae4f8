/** Who can be written to and how, as the model shows it. */
import { fromBase64url, MeshError, toBase64url } from '@claudemesh/protocol'
import { keyOf, leaseState, rowOf, rowsOf } from './seats.ts'
import type { Synchronous } from './synchronous.ts'
import { bytesKey, type RecipientRow, type Tables } from './tables.ts'

type DirectoryQueries = Pick<Synchronous, 'directory' | 'directoryOf' | 'getPrekeys'>
type Entries = ReturnType<DirectoryQueries['directoryOf']>

export const directoryQueries = (tables: Tables): DirectoryQueries => ({
  directory({ mesh, cursor, limit, now = tables.now(), node }) {
    const after = cursor === null ? new Uint8Array() : fromBase64url(cursor)
    if (!after)
      throw new MeshError('bad-field', 'this cursor was not given by a directory', { field: 'cursor' })
    const rows = [...(tables.meshes.get(bytesKey(mesh))?.recipients.values() ?? [])]
      .filter(row => Buffer.compare(row.key, after) > 0 && isListed(row, now))
      .sort((a, b) => Buffer.compare(a.key, b.key))
      .slice(0, limit)
    const last = rows.length === limit ? rows.at(-1) : undefined
    return { entries: entriesOf(tables, rows, now, node), cursor: last ? toBase64url(last.key) : null }
  },
  directoryOf({ mesh: id, recipients, now = tables.now(), node }) {
    const mesh = tables.meshes.get(bytesKey(id))
    const wanted = new Set(recipients.map(recipient => bytesKey(keyOf(recipient))))
    const rows = rowsOf(mesh).filter(row => wanted.has(bytesKey(row.key)) && isListed(row, now))
    return entriesOf(tables, rows, now, node)
  },
  getPrekeys: ({ mesh, recipients, now = tables.now(), node }) =>
    recipients.map(recipient => {
      const row = rowOf(tables.meshes.get(bytesKey(mesh)), recipient)
      const known = row && !row.removed && (row.knownUntil === null || row.knownUntil >= now)
      const lease = known ? row.lease : null
      return {
        recipient,
        certificate: lease?.certificate ?? null,
        prekey: lease?.prekey ?? null,
        lease: lease ? leaseState(tables, lease, now, node) : 'offline',
      }
    }),
})

const isListed = ({ removed, knownUntil, lease }: RecipientRow, now: number): boolean =>
  !removed && knownUntil !== null && knownUntil >= now && lease?.certificate != null

const entriesOf = (tables: Tables, rows: readonly RecipientRow[], now: number, node?: string): Entries =>
  rows.flatMap(({ lease }) =>
    lease?.certificate
      ? [
          {
            certificate: lease.certificate,
            presence: lease.presence,
            lease: leaseState(tables, lease, now, node),
            leaseAt: lease.stateAt,
            hook: lease.hook,
            changedAt: lease.changedAt,
          },
        ]
      : [],
  )
