/** Messages: sending, the outbox, the path of each. */

import type { OutboxMessage as ClientMessage, TraceStep as ClientStep } from '@claudemesh/client'
import { recipientKey } from '@claudemesh/crypto'
import { MeshError, parseAs, uuid } from '@claudemesh/protocol'
import { Hono } from 'hono'
import { ROUTES } from '../../api/routes.ts'
import { sendRequest, setRetention, type TraceStep } from '../../api/schema.ts'
import type { Daemon } from '../daemon.ts'
import { asked, type Call, type Env, isSet, readBody, speakerOf, userOnly } from '../http.ts'
import { labeller } from '../labels.ts'
import type { OpenMesh } from '../meshes.ts'
import { showOutboxMessage } from '../outbox-view.ts'
import { sendText } from '../sending.ts'
import { standings } from '../verification.ts'
import { whoIn } from '../who.ts'

export function messageRoutes(daemon: Daemon): Hono<Env> {
  const { sessions, noise, ending } = daemon
  return new Hono<Env>()
    .post(ROUTES.send[1], async call => {
      const { mesh: named, as, ...request } = await readBody(call, sendRequest)
      const { mesh, speaker } = speakerOf(daemon, call, { as, mesh: named })
      return call.json(await sendText({ mesh, speaker, sessions, noise, ending }, request))
    })
    .get(ROUTES.outbox[1], call => {
      const asks = { as: asked(call, 'as'), mesh: asked(call, 'mesh') }
      const whole = call.get('caller').kind === 'user' && asks.as === undefined
      const dead = isSet(call, 'dead')
      if (!whole) {
        const { mesh, speaker } = speakerOf(daemon, call, asks)
        return call.json(stuckIn(daemon, mesh, speaker?.row.uuid ?? null, dead))
      }
      const meshes = asks.mesh === undefined ? daemon.meshes.all : [daemon.meshes.find(asks.mesh)]
      return call.json(meshes.flatMap(mesh => stuckIn(daemon, mesh, undefined, dead)))
    })
    .post(ROUTES.retryOutbox[1], call => {
      userOnly(call)
      const { mesh, message } = sentMessage(daemon, call)
      return call.json({ id: mesh.client.retry(message.msg) })
    })
    .post(ROUTES.dropOutbox[1], call => {
      userOnly(call)
      const { mesh, message } = sentMessage(daemon, call)
      mesh.client.drop(message.msg)
      return call.json({ id: message.msg })
    })
    .get(ROUTES.retention[1], call => {
      userOnly(call)
      return call.json(retentionOf(daemon.meshes.find(asked(call, 'mesh'))))
    })
    .put(ROUTES.setRetention[1], async call => {
      userOnly(call)
      const mesh = daemon.meshes.find(asked(call, 'mesh'))
      const { retentionMs } = await readBody(call, setRetention)
      mesh.client.setRetention(retentionMs)
      return call.json(retentionOf(mesh))
    })
    .get(ROUTES.trace[1], async call => call.json(await traceOf(daemon, call)))
}

const retentionOf = ({ client }: OpenMesh) => ({
  mesh: client.view().name,
  retentionMs: client.retentionMs,
})

/** What has not arrived yet, or was given up; that alone, if only the `dead` are wanted. Oldest first. */
function stuckIn(daemon: Daemon, mesh: OpenMesh, from: string | null | undefined, onlyDead: boolean) {
  const filter = from === undefined ? {} : { from }
  const found = new Map<string, ClientMessage>()
  const open = onlyDead ? [] : mesh.client.outbox({ ...filter, open: true })
  for (const message of open) found.set(message.msg, message)
  for (const message of mesh.client.outbox({ ...filter, dead: true })) found.set(message.msg, message)
  const who = whoIn(mesh, daemon.sessions)
  return [...found.values()]
    .toSorted((a, b) => a.composedAt - b.composedAt)
    .map(message => showOutboxMessage(mesh, message, who))
}

function sentMessage(daemon: Daemon, call: Call): { mesh: OpenMesh; message: ClientMessage } {
  const id = messageId(call)
  const named = asked(call, 'mesh')
  for (const mesh of named === undefined ? daemon.meshes.all : [daemon.meshes.find(named)]) {
    const message = mesh.client.outboxMessage(id)
    if (message) return { mesh, message }
  }
  throw new MeshError('not-found', 'No such message was sent from here.', { field: 'id' })
}

/** The steps of a message that the caller sent or received. */
async function traceOf(daemon: Daemon, call: Call): Promise<TraceStep[]> {
  const id = messageId(call)
  const asks = { as: asked(call, 'as'), mesh: asked(call, 'mesh') }
  const whole = call.get('caller').kind === 'user' && asks.as === undefined
  const one = whole ? undefined : speakerOf(daemon, call, asks)
  const meshes = one
    ? [one.mesh]
    : asks.mesh === undefined
      ? daemon.meshes.all
      : [daemon.meshes.find(asks.mesh)]
  for (const mesh of meshes) {
    if (one?.speaker && !concerns(daemon, mesh, id, one.speaker.row.uuid)) continue
    if (mesh.client.trace(id).length === 0) continue
    await provenNow(mesh, id)
    return shown(daemon, mesh, mesh.client.trace(id))
  }
  throw new MeshError('not-found', 'Nothing is known of a message with this id.', { field: 'id' })
}

/** What can be proven now is; offline, and for what no checkpoint covers yet, the broker's bare word is shown as that. */
async function provenNow({ client }: OpenMesh, id: string): Promise<void> {
  try {
    await client.proveAccepted(id)
  } catch (error) {
    if (!(error instanceof MeshError) || error.code === 'integrity') throw error
  }
}

function concerns(daemon: Daemon, mesh: OpenMesh, id: string, session: string): boolean {
  if (mesh.client.outboxMessage(id)?.from === session) return true
  return daemon.mail.list({ mesh, uuid: session }, { all: true }).some(message => message.id === id)
}

function shown(daemon: Daemon, mesh: OpenMesh, steps: readonly ClientStep[]): TraceStep[] {
  const who = whoIn(mesh, daemon.sessions)
  const label = labeller(who)
  const standing = standings(who)
  const seen = new Set<string>()
  return steps.flatMap(({ at, state, by, to, why, verified }) => {
    const key = JSON.stringify([
      at,
      state,
      typeof by === 'string' ? by : recipientKey(by),
      to && recipientKey(to),
      why,
    ])
    if (seen.has(key)) return []
    seen.add(key)
    const speaker = by === 'me' ? 'this machine' : by === 'broker' ? 'broker' : label(by)
    const byKey = typeof by === 'string' ? null : standing(by.member)
    const toKey = to && standing(to.member)
    return [{ at, state, by: speaker, byKey, to: to && label(to), toKey, why, verified }]
  })
}

function messageId(call: Call): string {
  const parsed = parseAs(uuid, (call.req.param('id') ?? '').toLowerCase())
  if (parsed.success) return parsed.data
  throw new MeshError('bad-field', 'A message id is a UUID, as send and inbox print it.', { field: 'id' })
}
