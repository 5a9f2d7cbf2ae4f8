/** Signs the audit log of every active mesh: over committed leaves only, consistent with what was signed before, told once it stands. */
import {
  type Checkpoint,
  encodeFields,
  openCheckpoint,
  readFrontier,
  signCheckpoint,
  TILE_LEVELS,
  TreeFrontier,
} from '@claudemesh/crypto'
import type { AuditHead, AuditSubtree } from '@claudemesh/db'
import { encodeBrokerFrame, equalBytes, MeshError } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import { bytesIndex } from '../delivery/recipient-index.ts'
import { tellMesh } from '../roster/mesh-state.ts'
import { nativeSha256, tileReader } from './tiles.ts'

/** Trees that are kept in memory, 53 hashes each at most; the others are read again. */
const TREES_KEPT = 1024
const MESHES_A_ROUND = 1000
/** What is hashed without a pause: a few ms. */
const LEAVES_A_READ = 2048

/** Signs what is due, after the round that is under way. A log that cannot be signed stops no other. */
export function signCheckpoints(broker: Broker): Promise<void> {
  const round = broker.signing.then(() => signDue(broker))
  broker.signing = round.catch(() => {})
  return round
}

async function signDue(broker: Broker): Promise<void> {
  for (const head of await broker.db.auditDue({ limit: MESHES_A_ROUND }))
    try {
      await signHead(broker, head)
    } catch (cause) {
      broker.trees.delete(bytesIndex(head.mesh))
      broker.log.error('audit.unsigned', cause, { size: head.size })
      broker.metrics.refused('audit-unsigned')
    }
}

async function signHead(broker: Broker, head: AuditHead): Promise<void> {
  const { db, key, trees } = broker
  const { mesh, size, rosterSeq, rosterHead } = head
  const index = bytesIndex(mesh)
  const tree = trees.get(index) ?? (await readTree(broker, head))
  // Until this head is signed the tree in memory is of no checkpoint.
  trees.delete(index)
  const subtrees = await grow(broker, tree, head)
  const checkpoint: Checkpoint = { mesh, size, root: tree.root(), rosterSeq, rosterHead }
  const note = signCheckpoint(checkpoint, key)
  const fields = encodeFields([size, checkpoint.root])
  const fresh = await db.putCheckpoint({ mesh, checkpoint: { size, note }, fields, subtrees })
  if (trees.size >= TREES_KEPT) trees.delete(trees.keys().next().value!)
  trees.set(index, tree)
  const state = broker.meshes.peek(mesh)
  if (!fresh) return
  broker.backplane.tell({ mesh, checkpoint: size })
  if (state === undefined) return
  state.checkpointSize = size
  tellMesh(state, encodeBrokerFrame({ type: 'checkpoint', note }))
}

/** Reads the leaves behind the tree; answers the subtrees that they complete. */
async function grow({ db }: Broker, tree: TreeFrontier, { mesh, size }: AuditHead): Promise<AuditSubtree[]> {
  const subtrees: AuditSubtree[] = []
  while (tree.size < size) {
    const from = tree.size
    const hashes = await db.leafHashes({ mesh, from, to: Math.min(size, from + LEAVES_A_READ) })
    if (hashes.length === 0)
      throw new MeshError('integrity', 'the audit log lacks a leaf', { facts: { index: from } })
    for (const hash of hashes)
      tree.push(hash, (level, index, root) => {
        if (level % TILE_LEVELS === 0) subtrees.push({ level, index, hash: root })
      })
  }
  return subtrees
}

/** The tree at the newest checkpoint, from what is stored. Throws `integrity` where that is not what we signed. */
async function readTree(broker: Broker, { mesh, checkpoint }: AuditHead): Promise<TreeFrontier> {
  const tree = new TreeFrontier(nativeSha256)
  if (checkpoint === null) return tree
  for (const { level, hash } of await readFrontier(tileReader(broker.db, mesh), checkpoint.size))
    tree.pushSubtree(level, hash)
  const signed = openOwn(broker, mesh, checkpoint.note)
  if (signed !== null && !equalBytes(signed.root, tree.root()))
    throw new MeshError('integrity', 'the audit log is not the one that was signed', {
      facts: { size: checkpoint.size },
    })
  return tree
}

/** `null` for a checkpoint by an earlier key of this broker: its members check it, who hold the roster. */
function openOwn({ key }: Broker, mesh: Uint8Array, note: string): Checkpoint | null {
  try {
    return openCheckpoint(note, { mesh, keys: [key.publicKey] })
  } catch (error) {
    if (error instanceof MeshError && error.code === 'bad-signature') return null
    throw error
  }
}
