/** Writes what is to be sent into the outbox: from then on it survives, keeps its place, and ends only by an answer or its ttl. */
import { recipientKey, uuidText, uuidv7 } from '@claudemesh/crypto'
import {
  LIMITS,
  MeshError,
  type Priority,
  type Recipient,
  textPayload,
  toBase64url,
} from '@claudemesh/protocol'
import { z } from 'zod'
import type { Core } from '../core.ts'
import { nextNumber } from '../counter.ts'
import { ownerOf } from '../session/party.ts'
import type { OutboxMessageRow, OutboxRecipientRow, Owner } from '../store.ts'
import type { SendRequest } from '../types.ts'
import { lineOf } from './line.ts'

/** Room left in a body for certificate, signature and the rest of the JSON. */
const OVERHEAD_BYTES = 8 * 1024
const MIN_TTL_MS = 1000
const MAX_RECIPIENTS = 10_000

export interface Draft {
  readonly owner: Owner
  readonly kind: string
  readonly payload: unknown
  readonly to: readonly Recipient[]
  readonly priority: Priority
  readonly ttlMs: number
  /** Receipts stand outside the order: pairSeq 0. */
  readonly ordered: boolean
}

export interface Composed {
  readonly message: OutboxMessageRow & { readonly payload: string }
  readonly recipients: readonly OutboxRecipientRow[]
}

/** One outbox message, in one transaction; answers its `msg`. */
export function writeMessage(core: Core, draft: Draft): string {
  return core.commit.run(() => storeMessage(core, composeMessage(core, draft)))
}

/** Inside `commit.run`: its rows, with numbers that are taken from now on. */
export function composeMessage(core: Core, draft: Draft): Composed {
  const at = core.now()
  const msg = uuidText(uuidv7(at))
  const line = lineOf(core.store)
  const { owner, kind, priority, ttlMs } = draft
  const recipients = draft.to.map((to): OutboxRecipientRow => {
    const key = recipientKey(to)
    const pairSeq = draft.ordered ? nextNumber(core.store, `pair/${owner}/${line}/${key}`) : 0
    return { msg, owner, line, to: key, pairSeq, state: 'pending', why: null, at, reseals: 0, dueAt: 0 }
  })
  const payload = JSON.stringify(draft.payload)
  const ends = { composedAt: at, ttlMs, endsAt: null, dead: false }
  return { message: { msg, owner, kind, payload, priority, line, ...ends }, recipients }
}

/** Inside `commit.run`. Answers its `msg`. */
export function storeMessage(core: Core, { message, recipients }: Composed): string {
  core.store.outbox.insert(message, recipients)
  return message.msg
}

/** What is to be written for a text. Throws `usage`, `too-large`, `not-found`, `removed`. */
export function draftText(core: Core, request: SendRequest): Draft {
  const owner = ownerOf(request.from)
  if (!core.parties.has(owner))
    throw new MeshError('not-found', 'no such session is open here', { field: 'from' })
  const { to } = request
  if (to.length === 0 || to.length > MAX_RECIPIENTS)
    throw new MeshError('usage', `1 to ${MAX_RECIPIENTS} recipients`, { field: 'to' })
  if (new Set(to.map(recipientKey)).size !== to.length)
    throw new MeshError('usage', 'a recipient stands there twice', { field: 'to' })
  for (const [i, { member }] of to.entries()) requireMember(core, member, `to[${i}]`)
  if (!Number.isSafeInteger(request.ttlMs) || request.ttlMs < MIN_TTL_MS || request.ttlMs > LIMITS.ttlMs)
    throw new MeshError('usage', 'a message lives for 1 second to 30 days', { field: 'ttlMs' })
  const payload = z.safeEncode(textPayload, {
    text: request.text,
    replyTo: request.replyTo,
    threadId: request.threadId,
    ...(request.hops ? { hops: request.hops } : {}),
    ...(request.group === true ? { group: true as const } : {}),
  })
  if (!payload.success)
    throw new MeshError('usage', payload.error.issues[0]?.message ?? 'refused', {
      field: payload.error.issues[0]?.path.join('.'),
    })
  const bytes = new TextEncoder().encode(JSON.stringify(payload.data)).length
  if (bytes > LIMITS.bodyBytes - OVERHEAD_BYTES)
    throw new MeshError('too-large', `a message holds at most ${LIMITS.bodyBytes - OVERHEAD_BYTES} bytes`, {
      field: 'text',
      facts: { bytes },
    })
  const { priority, ttlMs } = request
  return { owner, kind: 'text', payload: payload.data, to, priority, ttlMs, ordered: true }
}

function requireMember(core: Core, member: Uint8Array, field: string): void {
  const key = toBase64url(member)
  const { roster } = core.keeper
  if (roster.members.has(key)) return
  if (roster.removed.has(key))
    throw new MeshError('removed', 'this member was removed from the mesh', { field })
  throw new MeshError('not-found', 'no such member in this mesh', { field })
}
