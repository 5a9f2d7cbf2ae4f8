/** The audit log of the model: leaves with the bytes and hashes that the database gives them. */
import { encodeFields, type Field, storedLeafHash } from '@claudemesh/crypto'
import { meshOf } from './seats.ts'
import type { Synchronous } from './synchronous.ts'
import { bytesKey, type MeshRow, type Tables } from './tables.ts'

const sha256 = (bytes: Uint8Array): Uint8Array => Bun.CryptoHasher.hash('sha256', bytes)

/** Appends one leaf at the database's time, which never goes back; answers its index. */
function appendLeaf(tables: Tables, mesh: MeshRow, type: string, fields: Uint8Array): number {
  const leaf = {
    index: mesh.leaves.length,
    at: Math.max(mesh.lastAt, tables.now()),
    salt: crypto.getRandomValues(new Uint8Array(16)),
    type,
    fields,
  }
  mesh.lastAt = leaf.at
  mesh.leaves.push({ ...leaf, hash: storedLeafHash(leaf, sha256) })
  return leaf.index
}

export const writeLeaf = (tables: Tables, mesh: MeshRow, type: string, fields: readonly Field[]): number =>
  appendLeaf(tables, mesh, type, encodeFields(fields))

type AuditQueries = Pick<
  Synchronous,
  | 'appendAudit'
  | 'auditDue'
  | 'auditLeaves'
  | 'checkpointsIn'
  | 'dropAuditDays'
  | 'ensureAuditDays'
  | 'leafHashes'
  | 'newestCheckpoint'
  | 'putCheckpoint'
  | 'subtreeHashes'
>

/** Bodies are never pruned here. */
export const auditQueries = (tables: Tables): AuditQueries => {
  const leavesOf = (mesh: Uint8Array) => tables.meshes.get(bytesKey(mesh))?.leaves ?? []
  const checkpointsOf = (mesh: Uint8Array) => tables.meshes.get(bytesKey(mesh))?.checkpoints ?? []
  return {
    appendAudit: ({ mesh, type, fields }) => appendLeaf(tables, meshOf(tables, mesh), type, fields),
    auditDue: ({ limit }) =>
      [...tables.meshes.values()]
        .filter(({ leaves, checkpoints }) => leaves.length > (checkpoints.at(-1)?.size ?? -1) + 1)
        .slice(0, limit)
        .map(({ mesh, leaves, rosterSeq, rosterHead, checkpoints }) => ({
          mesh,
          size: leaves.length,
          rosterSeq,
          rosterHead,
          checkpoint: checkpoints.at(-1) ?? null,
        })),
    auditLeaves: ({ mesh, from, to }) =>
      leavesOf(mesh)
        .slice(from, to)
        .map(({ index, hash, at, salt, type, fields }) => ({
          index,
          hash,
          body: { at, salt, type, fields },
        })),
    checkpointsIn({ mesh, above, upTo, limit, order }) {
      const found = checkpointsOf(mesh).filter(({ size }) => size > above && size <= upTo)
      return order === 'smallest' ? found.slice(0, limit) : found.slice(-limit)
    },
    dropAuditDays: () => 0,
    ensureAuditDays: () => {},
    leafHashes: ({ mesh, from, to }) =>
      leavesOf(mesh)
        .slice(from, to)
        .map(({ hash }) => hash),
    newestCheckpoint: mesh => checkpointsOf(mesh).at(-1) ?? null,
    putCheckpoint({ mesh: id, checkpoint, fields, subtrees }) {
      const mesh = meshOf(tables, id)
      if (mesh.checkpoints.some(({ size }) => size >= checkpoint.size)) return false
      for (const { level, index, hash } of subtrees) {
        const place = `${level}/${index}`
        if (!mesh.subtrees.has(place)) mesh.subtrees.set(place, hash)
      }
      mesh.checkpoints.push(checkpoint)
      appendLeaf(tables, mesh, 'checkpoint', fields)
      return true
    },
    subtreeHashes({ mesh, level, from, to }) {
      const subtrees = tables.meshes.get(bytesKey(mesh))?.subtrees
      const hashes: Uint8Array[] = []
      for (let index = from; index < to; index++) {
        const hash = subtrees?.get(`${level}/${index}`)
        if (hash) hashes.push(hash)
      }
      return hashes
    },
  }
}
