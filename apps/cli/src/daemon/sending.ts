/** Sends, and waits until what was asked for is so for every recipient, can no longer become so, or the time is over. */
import {
  lookAgain,
  type MeshClient,
  type MeshView,
  type OutboxMessage,
  type OutboxState,
} from '@claudemesh/client'
import { recipientKey } from '@claudemesh/crypto'
import { MeshError, TIMES } from '@claudemesh/protocol'
import type { z } from 'zod'
import type { SendReply, sendRequest } from '../api/schema.ts'
import { isGroup, resolveAddresses } from './addresses.ts'
import type { Seated } from './known-sessions.ts'
import type { OpenMesh } from './meshes.ts'
import type { Noise } from './noise/noise.ts'
import { showRecipients } from './outbox-view.ts'
import type { Sessions } from './sessions.ts'
import { whenPeersKnown } from './when-online.ts'
import { whoIn } from './who.ts'

type Wait = z.output<typeof sendRequest>['wait']

/** How far a state has come on the way; held mail was delivered. Of what ended otherwise nothing more is reached. */
const REACHED: Partial<Record<OutboxState, number>> = {
  accepted: 1,
  delivered: 2,
  held: 2,
  surfaced: 3,
  answered: 4,
}
const WANTED: Record<Wait, number> = { none: 0, accepted: 1, delivered: 2, surfaced: 3 }
const ENDED: readonly OutboxState[] = ['refused', 'expired', 'removed', 'unknown', 'undecryptable', 'failed']

/** `speaker` undefined = the person. Throws what addresses and the client throw; nothing was sent then. */
export async function sendText(
  p: { mesh: OpenMesh; speaker: Seated | undefined; sessions: Sessions; noise: Noise; ending: AbortSignal },
  request: Omit<z.output<typeof sendRequest>, 'mesh' | 'as'>,
): Promise<SendReply> {
  const { mesh, speaker, sessions, noise } = p
  const { client } = mesh
  await whenPeersKnown(client)
  const { member } = requireTrust(client)
  const self = { member, session: speaker?.signer.publicKey ?? null }
  const from = speaker?.row.uuid ?? null
  const { hops, threadId } = noise.origin(mesh, speaker, request.replyTo)
  let who = whoIn(mesh, sessions)
  const to = await lookAgain(
    () => resolveAddresses(request.to, who, self),
    async () => {
      await client.refresh()
      who = whoIn(mesh, sessions)
    },
  )
  const thread = request.threadId ?? threadId
  if (speaker && to.length === 1) noise.said(speaker, to[0]!, { text: request.text, threadId: thread })
  const msg = await client.send({
    from,
    to,
    text: request.text,
    priority: request.priority,
    ttlMs: request.ttlMs ?? TIMES.ttlDefaultMs,
    replyTo: request.replyTo ?? null,
    threadId: thread,
    hops,
    group: request.to.some(isGroup),
  })
  if (speaker) sessions.used(speaker)
  if (request.replyTo !== undefined) client.report(from, [request.replyTo], 'answered', '')
  if (request.wait !== 'none') await settled(mesh, msg, request.wait, request.timeoutMs, p.ending)
  const recipients = client.recipientsOf(msg)
  if (!recipients) throw new MeshError('not-found', 'the message was dropped from the outbox meanwhile')
  if (speaker) client.markTold(endedOf(msg, recipients))
  return {
    id: msg,
    recipients: showRecipients(mesh, recipients, who),
    reached: recipients.every(({ state }) => isReached(state, request.wait)),
    unconfirmedSince: client.view().unconfirmedSince,
  }
}

/** Recipients who will never get it: the answer says so. */
const endedOf = (msg: string, recipients: OutboxMessage['recipients']) =>
  recipients.filter(({ state }) => ENDED.includes(state)).map(({ to }) => ({ msg, to }))

/** Nothing is sealed for a mesh that was lied about, or left; who sends must know, and not find out in the outbox. */
function requireTrust(client: MeshClient): MeshView {
  const { state, why } = client
  const view = client.view()
  const { name, role } = view
  if (state === 'removed')
    throw new MeshError(
      'removed',
      role === null
        ? `You were removed from ${name}: nothing can be sent there.`
        : `The broker says that you were removed from ${name}, and has shown no proof: nothing can be sent there. Ask its owner.`,
    )
  if (state === 'stopped' && why?.code === 'integrity')
    throw new MeshError(
      'integrity',
      `Nothing is sent in ${name}: ${why.message}. Somebody may be lying: ask the owner of the mesh by another way.`,
      { cause: why, ...(why.facts ? { facts: why.facts } : {}) },
    )
  return view
}

const isReached = (state: OutboxState, wait: Wait): boolean =>
  wait === 'none' || (REACHED[state] ?? 0) >= WANTED[wait]

/** Looks at the message once, then at what changes: of a message to a thousand, a thousand changes are told. */
function settled(
  mesh: OpenMesh,
  msg: string,
  wait: Wait,
  timeoutMs: number,
  ending: AbortSignal,
): Promise<void> {
  const { client } = mesh
  const isOver = (state: OutboxState) => isReached(state, wait) || ENDED.includes(state)
  const left = () =>
    new Set(
      client
        .recipientsOf(msg)
        ?.filter(({ state }) => !isOver(state))
        .map(({ to }) => recipientKey(to)),
    )
  return new Promise(resolve => {
    let open = left()
    const look = () => {
      if (open.size === 0 || client.state === 'removed') end()
    }
    const stopListening = [
      client.awaitAnswer(msg),
      client.on('outbox', change => {
        if (change.msg !== msg) return
        const key = recipientKey(change.to)
        if (isOver(change.state)) open.delete(key)
        else open.add(key)
        look()
      }),
      client.on('state', () => {
        open = left()
        look()
      }),
    ]
    const timer = setTimeout(() => end(), timeoutMs)
    const end = () => {
      clearTimeout(timer)
      for (const stop of stopListening) stop()
      ending.removeEventListener('abort', end)
      resolve()
    }
    ending.addEventListener('abort', end)
    look()
  })
}
