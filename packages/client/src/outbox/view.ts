/** The outbox as it is shown, and what a person may do about a message that is stuck or dead. */
import { MeshError, toBase64url } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import { ownerOf, type Party, recipientOfKey, uuidOf } from '../session/party.ts'
import type { InboxRow, OutboxFilter, OutboxMessageRow, OutboxRecipientRow, TraceRow } from '../store.ts'
import type { OutboxMessage, TraceStep } from '../types.ts'
import { writeMessage } from './compose.ts'
import { isGivenUp, moveRecipient, RETRIED } from './states.ts'

/** Another daemon with the same keys speaks for the sender: nothing goes out from here. */
const WAITS_REPLACED = { state: 'pending', why: 'replaced' } as const

function showMessage(core: Core, row: OutboxMessageRow): OutboxMessage {
  const { msg, owner, kind, payload, priority, composedAt, ttlMs, endsAt, dead } = row
  return {
    msg,
    from: uuidOf(owner),
    kind,
    payload: payload ? JSON.parse(payload) : null,
    priority,
    composedAt,
    endsAt: endsAt ?? composedAt + ttlMs,
    dead,
    recipients: core.store.outbox.recipients(msg).map(each => showRecipient(core, each)),
  }
}

function showRecipient(core: Core, row: OutboxRecipientRow): OutboxMessage['recipients'][number] {
  const { owner, to, state, why, at } = row
  const isStuck = core.parties.get(owner)?.replaced === true && (state === 'pending' || state === 'sealed')
  return { to: recipientOfKey(to), at, ...(isStuck ? WAITS_REPLACED : { state, why }) }
}

/** `from` absent = of everybody here, `null` = the person's. */
export type OutboxAsked = Omit<OutboxFilter, 'owner'> & { readonly from?: string | null }

/** Newest first. */
export function listOutbox(core: Core, { from, ...filter }: OutboxAsked): OutboxMessage[] {
  const owner = from === undefined ? {} : { owner: ownerOf(from) }
  return core.store.outbox.list({ ...filter, ...owner }).map(row => showMessage(core, row))
}

export function findOutbox(core: Core, msg: string): OutboxMessage | undefined {
  const row = core.store.outbox.message(msg)
  return row && row.kind !== 'receipt' ? showMessage(core, row) : undefined
}

/** How far the message has come for each; nothing of it is opened. `undefined` where the outbox does not have it. */
export function findRecipients(core: Core, msg: string): OutboxMessage['recipients'] | undefined {
  const rows = core.store.outbox.recipients(msg)
  return rows.some(({ pairSeq }) => pairSeq !== 0) ? rows.map(row => showRecipient(core, row)) : undefined
}

/** A new message to those who were given up. Throws `not-found`, `conflict` when nobody was or its text is not there any more. */
export function retryMessage(core: Core, msg: string): string {
  const row = requireMessage(core, msg)
  const lost = core.store.outbox.recipients(msg).filter(isGivenUp)
  const to = lost
    .map(one => recipientOfKey(one.to))
    .filter(({ member }) => core.keeper.roster.members.has(toBase64url(member)))
  if (to.length === 0) throw new MeshError('conflict', 'nobody who could still be reached was given up')
  const { owner, kind, payload, priority, ttlMs } = row
  if (!payload)
    throw new MeshError(
      'conflict',
      `its text ${payload === '' ? 'is gone' : 'lies damaged on this disk'}: write it anew`,
    )
  return core.commit.run(() => {
    const next = writeMessage(core, {
      owner,
      kind,
      payload: JSON.parse(payload),
      to,
      priority,
      ttlMs,
      ordered: true,
    })
    for (const one of lost)
      moveRecipient(core, one, { state: one.state, why: RETRIED, at: core.now(), by: 'me', verified: true })
    return next
  })
}

/** Throws `not-found`. What the broker already has may still be delivered. */
export function dropMessage(core: Core, msg: string): void {
  requireMessage(core, msg)
  core.commit.run(() => core.store.outbox.remove(msg))
}

/** Steps of a message that was sent, or received, here; in the order they became known: clocks of others may be ahead or behind. */
export function traceMessage(core: Core, msg: string): TraceStep[] {
  const proven = core.store.outbox.sealingsOf(msg).filter(({ id }) => core.audit.proven.has(id))
  const sent = core.store.outbox.message(msg)
  const noted = withFirst(sent, core.store.trace.of(msg)).map(
    (row): TraceStep => ({
      at: row.at,
      state: row.state,
      by: row.by === 'me' || row.by === 'broker' ? row.by : recipientOfKey(row.by),
      to: row.to === null ? null : recipientOfKey(row.to),
      why: row.why,
      verified: row.verified || (row.state === 'accepted' && proven.some(one => one.acceptedAt === row.at)),
    }),
  )
  const came = [...core.parties.values()].flatMap(party =>
    core.store.inbox.byMsg(party.owner, msg).flatMap(row => stepsOfReceived(party, row, noted)),
  )
  if (sent === undefined) return [...came, ...noted]
  return merged(noted, came)
}

/** A message that stands in the outbox was written: its first step is never noted, but by older versions. */
function withFirst(sent: OutboxMessageRow | undefined, noted: readonly TraceRow[]): readonly TraceRow[] {
  if (sent === undefined || sent.kind === 'receipt') return noted
  const { msg, composedAt: at } = sent
  const [first] = noted
  if (first?.state === 'pending' && first.to === null && first.at === at) return noted
  return [{ msg, at, state: 'pending', by: 'me', to: null, why: null, verified: true }, ...noted]
}

/** By time, each list in its own order. */
function merged(some: readonly TraceStep[], others: readonly TraceStep[]): TraceStep[] {
  const steps: TraceStep[] = []
  let next = 0
  for (const step of some) {
    while (next < others.length && others[next]!.at < step.at) steps.push(others[next++]!)
    steps.push(step)
  }
  return [...steps, ...others.slice(next)]
}

function stepsOfReceived(party: Party, row: InboxRow, noted: readonly TraceStep[]): TraceStep[] {
  const to = party.recipient
  const mine = { by: 'me', to, verified: true, at: row.receivedAt } as const
  const { receipt: state, receiptWhy } = row
  const isTold = state === 'delivered' || noted.some(step => step.by === 'me' && step.state === state)
  return [
    { ...mine, at: row.composedAt, state: 'composed', by: recipientOfKey(row.from), why: null },
    { ...mine, state: 'delivered', why: null },
    ...(isTold ? [] : [{ ...mine, state, why: receiptWhy || null }]),
  ]
}

function requireMessage(core: Core, msg: string): OutboxMessageRow {
  const row = core.store.outbox.message(msg)
  if (!row || row.kind === 'receipt')
    throw new MeshError('not-found', 'there is no such message in the outbox', { field: 'id' })
  return row
}
