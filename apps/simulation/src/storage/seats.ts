/** Which row a recipient has, and how its lease is read. */
import { concatBytes, type Lease, MeshError, type Recipient, TIMES } from '@claudemesh/protocol'
import { bytesKey, type LeaseRow, type MeshRow, type RecipientRow, type Tables } from './tables.ts'

export const keyOf = ({ member, session }: Recipient): Uint8Array =>
  session ? concatBytes(member, session) : member

export const recipientOf = (key: Uint8Array): Recipient => ({
  member: key.slice(0, 32),
  session: key.length === 64 ? key.slice(32) : null,
})

/** Throws `unknown-mesh`. */
export function meshOf({ meshes }: Tables, id: Uint8Array): MeshRow {
  const mesh = meshes.get(bytesKey(id))
  if (!mesh) throw new MeshError('unknown-mesh', 'this broker does not know the mesh')
  return mesh
}

export const rowOf = (mesh: MeshRow | undefined, recipient: Recipient): RecipientRow | undefined =>
  mesh?.recipients.get(bytesKey(keyOf(recipient)))

/** The recipient's row where it stands and once attached. Throws `not-attached`. */
export function leased(tables: Tables, mesh: Uint8Array, recipient: Recipient): LeaseRow {
  const row = rowOf(tables.meshes.get(bytesKey(mesh)), recipient)
  if (!row?.lease || row.removed) throw new MeshError('not-attached', 'this recipient never attached here')
  return row.lease
}

/** Nothing outlives its node or its grace, swept or not; `asks` is a node that asks, so it lives. */
export function leaseState(
  { nodes }: Tables,
  { state, stateAt, node }: LeaseRow,
  now: number,
  asks?: string,
): Lease {
  const beat = node === asks ? now : nodes.get(node)
  if (state === 'online' && beat !== undefined && beat >= now) return 'online'
  if (state === 'offline') return 'offline'
  return (state === 'online' ? (beat ?? stateAt) : stateAt) + TIMES.graceMs > now ? 'away' : 'offline'
}

export const rowsOf = (mesh: MeshRow | undefined): RecipientRow[] => [...(mesh?.recipients.values() ?? [])]
