/** What follows a commit, in its order: `accepted` to senders, envelopes to the recipients attached here, room for acks. */
import { type AcceptedResult, MeshError, type Recipient } from '@claudemesh/protocol'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Attachment, PushSocket } from './attachment.ts'
import type { Batch, Outcomes, PendingAccept } from './batch-writer.ts'
import type { MeshRecipients } from './mesh-recipients.ts'
import type { PushWindow } from './push-window.ts'
import { recipientIndex } from './recipient-index.ts'

export interface CommittedParts {
  readonly window: PushWindow
  readonly redeliverMs: number
  readonly now: () => number
  readonly metrics: Metrics
  /** Envelopes for recipients that are not attached here: another node may hold them. */
  elsewhere(mail: readonly WaitingMail[]): void
  /** A newer attachment stands in the database, made by another node. */
  replaced(attachment: Batch['acks'][number]['attachment']): void
}

/** An envelope that waits for a recipient. */
export interface WaitingMail {
  readonly mesh: Uint8Array
  readonly recipient: Recipient
  readonly seq: number
}

const FAILED = new MeshError('unavailable', 'The database did not take it; try again.', {
  retryAfterMs: 1000,
})

/** Tells the outcomes of one batch. */
export function tellCommitted(parts: CommittedParts, batch: Batch, outcomes: Outcomes | null): void {
  const answered = new Set<PushSocket>()
  const elsewhere: WaitingMail[] = []
  const attachmentOf = finder()
  for (const [i, pending] of batch.accepts.entries()) {
    const outcome = outcomes?.accepts[i]
    const result: AcceptedResult =
      outcome === undefined
        ? {
            id: pending.item.id,
            error: 'unavailable',
            seq: 0,
            auditIndex: 0,
            at: parts.now(),
            recipients: [],
          }
        : {
            id: pending.item.id,
            error: outcome.error,
            seq: outcome.error === null ? outcome.seq : 0,
            auditIndex: outcome.error === null ? outcome.auditIndex : 0,
            at: outcome.at,
            recipients:
              outcome.error === null || outcome.error === 'unknown-recipient' ? outcome.recipients : [],
          }
    if (result.error !== null) parts.metrics.refused(result.error)
    else offerAll(parts, pending, result, outcome?.repeat === true, { attachmentOf, elsewhere })
    // Whether it was committed is not known: the database is asked, before anything later is handed out from memory.
    if (outcome === undefined) wakeAll(parts, pending)
    if (pending.answer.settle(pending.place, result)) answered.add(pending.answer.socket)
  }
  for (const [i, { attachment, upTo, answers }] of batch.acks.entries()) {
    const outcome = outcomes?.acks[i]
    const error = outcome === undefined ? FAILED : outcome.error === null ? null : ACK_ERRORS[outcome.error]
    if (error !== null) parts.metrics.refused(error.code)
    if (outcome?.error === 'replaced') parts.replaced(attachment)
    if (outcome?.error === null) {
      parts.metrics.count.acked += outcome.deleted
      parts.window.acked(attachment, Math.max(upTo, outcome.ackedUpTo))
      attachment.redeliverStep = parts.redeliverMs
      attachment.redeliverAt = parts.now() + parts.redeliverMs
      answered.add(attachment.socket)
    }
    for (const answer of answers) answer.settle(error)
  }
  for (const socket of new Set(batch.acks.map(ack => ack.attachment.socket))) parts.window.pump(socket)
  parts.window.flush()
  for (const socket of answered) socket.flushOut()
  if (elsewhere.length > 0) parts.elsewhere(elsewhere)
}

/** Looks up who is attached; the same recipient object of the same mesh is looked up once in a row. For one turn of the event loop. */
function finder() {
  let last: { mesh: MeshRecipients; recipient: Recipient; attachment: Attachment | undefined } | undefined
  return (mesh: MeshRecipients, recipient: Recipient): Attachment | undefined => {
    if (last?.recipient !== recipient || last.mesh !== mesh)
      last = { mesh, recipient, attachment: mesh.attachments.get(recipientIndex(recipient)) }
    return last.attachment
  }
}

function offerAll(
  { window, metrics }: CommittedParts,
  { item, mesh }: PendingAccept,
  result: AcceptedResult,
  repeat: boolean,
  { attachmentOf, elsewhere }: { attachmentOf: ReturnType<typeof finder>; elsewhere: WaitingMail[] },
): void {
  if (!repeat) metrics.count.accepted++
  const after = repeat ? 0 : mesh.run.note(result.seq)
  const { header, body, to } = item
  for (let i = 0; i < to.length; i++) {
    if (result.recipients[i] !== 'queued') continue
    const attachment = attachmentOf(mesh, to[i]!.recipient)
    if (attachment === undefined)
      elsewhere.push({ mesh: mesh.id, recipient: to[i]!.recipient, seq: result.seq })
    else if (!repeat)
      window.offer(attachment, { seq: result.seq, fact: null, header, slot: to[i]!.slot, body }, after)
    else if (result.seq > attachment.cursor) window.wake(attachment)
  }
}

function wakeAll({ window }: CommittedParts, { item, mesh }: PendingAccept): void {
  for (const { recipient } of item.to) {
    const attachment = mesh.attachments.get(recipientIndex(recipient))
    if (attachment !== undefined) window.wake(attachment)
  }
}

const ACK_ERRORS = {
  replaced: new MeshError('replaced', 'Another connection attached this recipient after you.', {
    field: 'acks',
  }),
  'bad-ack': new MeshError('bad-ack', 'Acked beyond what was delivered on this attachment.', {
    field: 'acks',
  }),
  internal: FAILED,
}
