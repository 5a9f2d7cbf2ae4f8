/** The audit log of a mesh: its pinned head, all of it as lines, proofs of what was accepted, and the owner's word after a restore. */
import { readLeafFields } from '@claudemesh/crypto'
import { MeshError, parseAs, toBase64url, uuid } from '@claudemesh/protocol'
import { Hono } from 'hono'
import { ROUTES } from '../../api/routes.ts'
import type { AuditHead, AuditProof } from '../../api/schema.ts'
import { type LogLine, lineOf } from '../../audit/lines.ts'
import type { Daemon } from '../daemon.ts'
import { asked, type Call, type Env, userOnly } from '../http.ts'
import type { OpenMesh } from '../meshes.ts'
import { whenOnline } from '../when-online.ts'

export function auditRoutes(daemon: Daemon): Hono<Env> {
  const meant = (call: Call): OpenMesh => {
    userOnly(call)
    return daemon.meshes.find(asked(call, 'mesh'))
  }
  return new Hono<Env>()
    .get(ROUTES.auditHead[1], call => call.json(headOf(meant(call))))
    .get(ROUTES.auditExport[1], async call => {
      const mesh = meant(call)
      await whenOnline(mesh.client)
      const head = headOf(mesh)
      return new Response(streamOf(logOf(mesh, head)), {
        headers: { 'content-type': 'application/x-ndjson' },
      })
    })
    .get(ROUTES.auditProof[1], async call => {
      userOnly(call)
      return call.json(await proofsOf(daemon, call))
    })
    .post(ROUTES.auditAccept[1], async call => {
      const mesh = meant(call)
      return call.json(await mesh.client.acceptLog())
    })
}

function headOf({ id, client }: OpenMesh): AuditHead {
  const head = client.auditHead()
  if (!head)
    throw new MeshError(
      'not-found',
      'The broker has signed no audit log yet: it does within 10 s of the first word.',
    )
  const { size, root, rosterSeq, rosterHead } = head.checkpoint
  return {
    mesh: id,
    name: client.view().name,
    size,
    root: toBase64url(root),
    rosterSeq,
    rosterHead: toBase64url(rosterHead),
    note: head.note,
  }
}

async function* logOf({ id, client }: OpenMesh, { size, note }: AuditHead): AsyncGenerator<LogLine> {
  yield { mesh: id, head: note }
  for (const entry of client.rosterEntries()) yield { entry }
  let last = ''
  for (let index = 0; index < size; ) {
    const { leaves, checkpoints } = await client.auditPage(index, size)
    if (leaves.length === 0)
      throw new MeshError('integrity', 'audit: the broker shows fewer leaves than it signed')
    const heads = checkpoints.map(each => ({ note: each, size: Number(each.split('\n')[1]) }))
    for (const leaf of leaves) {
      yield { leaf: { index, ...leaf } }
      index++
      for (const head of heads)
        if (head.size === index) {
          yield { checkpoint: head.note }
          last = head.note
        }
    }
  }
  if (last !== note) yield { checkpoint: note }
}

/** Page by page, as the reader takes them. */
function streamOf(items: AsyncGenerator<LogLine>): ReadableStream<Uint8Array> {
  const text = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let lines = ''
      for (let count = 0; count < 256; count++) {
        const next = await items.next()
        if (next.done) {
          if (lines !== '') controller.enqueue(text.encode(lines))
          return controller.close()
        }
        lines += lineOf(next.value)
      }
      controller.enqueue(text.encode(lines))
    },
    cancel: async () => void (await items.return(undefined)),
  })
}

async function proofsOf(daemon: Daemon, call: Call): Promise<AuditProof[]> {
  const parsed = parseAs(uuid, (call.req.param('id') ?? '').toLowerCase())
  if (!parsed.success)
    throw new MeshError('bad-field', 'A message id is a UUID, as send and inbox print it.', { field: 'id' })
  const named = asked(call, 'mesh')
  for (const { client } of named === undefined ? daemon.meshes.all : [daemon.meshes.find(named)]) {
    if (!client.outboxMessage(parsed.data)) continue
    await whenOnline(client)
    const proofs = await client.proveAccepted(parsed.data)
    return proofs.map(({ id, index, size, leaf, hashes, note }) => ({
      id,
      index,
      size,
      hash: toBase64url(leaf.hash),
      at: leaf.body!.at,
      seq: Number(readLeafFields('accepted', leaf.body!.fields).seq),
      path: hashes.map(toBase64url),
      note,
    }))
  }
  throw new MeshError('not-found', 'No such message was sent from here.', { field: 'id' })
}
