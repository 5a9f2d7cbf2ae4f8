/** The outbox as it is shown, and what a person may do about a message that is stuck or dead. */
import { MeshError, toBase64url } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import { recipientOfKey, uuidOf } from '../session/party.ts'
import type { OutboxMessageRow } from '../store.ts'
import type { OutboxMessage, TraceStep } from '../types.ts'
import { writeMessage } from './compose.ts'
import { isGivenUp, moveRecipient, RETRIED } from './states.ts'

/** Another daemon with the same keys speaks for the sender: nothing goes out from here. */
const WAITS_REPLACED = { state: 'pending', why: 'replaced' } as const

export function showMessage(core: Core, row: OutboxMessageRow): OutboxMessage {
  const { msg, owner, kind, payload, priority, composedAt, ttlMs, endsAt, dead } = row
  const replaced = core.parties.get(owner)?.replaced === true
  return {
    msg,
    from: uuidOf(owner),
    kind,
    payload: payload === '' ? null : JSON.parse(payload),
    priority,
    composedAt,
    endsAt: endsAt ?? composedAt + ttlMs,
    dead,
    recipients: core.store.outbox.recipients(msg).map(({ to, state, why, at }) => {
      const waits = replaced && (state === 'pending' || state === 'sealed')
      return { to: recipientOfKey(to), at, ...(waits ? WAITS_REPLACED : { state, why }) }
    }),
  }
}

/** A new message to those who were given up. Throws `not-found`, `conflict` when nobody was. */
export function retryMessage(core: Core, msg: string): string {
  const row = requireMessage(core, msg)
  const lost = core.store.outbox.recipients(msg).filter(isGivenUp)
  const to = lost
    .map(one => recipientOfKey(one.to))
    .filter(({ member }) => core.keeper.roster.members.has(toBase64url(member)))
  if (to.length === 0) throw new MeshError('conflict', 'nobody who could still be reached was given up')
  const { owner, kind, priority, ttlMs } = row
  return core.commit.run(() => {
    const next = writeMessage(core, {
      owner,
      kind,
      payload: JSON.parse(row.payload),
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

/** Steps of a message that was sent, or received, here; oldest first. */
export function traceMessage(core: Core, msg: string): TraceStep[] {
  const proven = core.store.outbox.sealingsOf(msg).filter(({ id }) => core.audit.proven.has(id))
  const steps = core.store.trace.of(msg).map(
    (row): TraceStep => ({
      at: row.at,
      state: row.state,
      by: row.by === 'me' || row.by === 'broker' ? row.by : recipientOfKey(row.by),
      to: row.to === null ? null : recipientOfKey(row.to),
      why: row.why,
      verified: row.verified || (row.state === 'accepted' && proven.some(one => one.acceptedAt === row.at)),
    }),
  )
  for (const party of core.parties.values())
    for (const row of core.store.inbox.byMsg(party.owner, msg)) {
      const sender = recipientOfKey(row.from)
      const to = party.recipient
      steps.push({ at: row.composedAt, state: 'composed', by: sender, to, why: null, verified: true })
      steps.push({ at: row.receivedAt, state: 'delivered', by: 'me', to, why: null, verified: true })
      if (row.receipt !== 'delivered')
        steps.push({
          at: row.receivedAt,
          state: row.receipt,
          by: 'me',
          to,
          why: row.receiptWhy || null,
          verified: true,
        })
    }
  return steps
}

function requireMessage(core: Core, msg: string): OutboxMessageRow {
  const row = core.store.outbox.message(msg)
  if (!row || row.kind === 'receipt')
    throw new MeshError('not-found', 'there is no such message in the outbox', { field: 'id' })
  return row
}
