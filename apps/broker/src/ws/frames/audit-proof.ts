/** `audit.proof`: that a leaf stands in a checkpoint's tree, or that a tree begins with an earlier one. */
import { proveConsistency, proveInclusion } from '@claudemesh/crypto'
import { type ClientFrameOf, encodeBrokerFrame, MeshError } from '@claudemesh/protocol'
import { shownTo } from '../../audit/shown-to.ts'
import { tileReader } from '../../audit/tiles.ts'
import type { Broker } from '../../broker.ts'
import type { Connection, Standing } from '../connection.ts'

export async function auditProofFrame(
  { db }: Broker,
  connection: Connection,
  { mesh, key }: Extract<Standing, { is: 'member' }>,
  { size, index, from, ref }: ClientFrameOf<'audit.proof'>,
): Promise<void> {
  if ((index === undefined) === (from === undefined))
    throw new MeshError('bad-field', 'A proof is of one leaf (index) or of one earlier size (from).', {
      field: 'index',
    })
  await requireSigned(db, mesh.id, size)
  const read = tileReader(db, mesh.id)
  if (index !== undefined) {
    if (index >= size) throw new MeshError('bad-field', 'The tree has no such leaf.', { field: 'index' })
    const hashes = await proveInclusion(read, index, size)
    const [leaf] = await db.auditLeaves({ mesh: mesh.id, from: index, to: index + 1 })
    const shown = leaf ? shownTo(mesh.roster, key)(leaf) : null
    connection.sendJson(encodeBrokerFrame({ type: 'proof', ref, hashes, size, leaf: shown }))
    return
  }
  if (from! < 1 || from! > size)
    throw new MeshError('bad-field', 'An earlier size is 1 or more.', { field: 'from' })
  const hashes = await proveConsistency(read, from!, size)
  connection.sendJson(encodeBrokerFrame({ type: 'proof', ref, hashes, size, leaf: null }))
}

/** Throws `bad-field` where no checkpoint covers so many leaves: what nobody signed proves nothing. */
export async function requireSigned(db: Broker['db'], mesh: Uint8Array, size: number): Promise<void> {
  const signed = (await db.newestCheckpoint(mesh))?.size ?? 0
  if (size < 1 || size > signed)
    throw new MeshError('bad-field', 'No checkpoint covers so many leaves.', {
      field: 'size',
      facts: { size: signed },
    })
}
