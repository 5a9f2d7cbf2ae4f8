/** A `send` frame from its bytes to the lane: every envelope is checked alone, and one result is owed for each. */
import { uuidTime } from '@claudemesh/crypto'
import type { AcceptItem } from '@claudemesh/db'
import {
  type AcceptedResult,
  type ErrorCode,
  equalBytes,
  type RawEnvelope,
  type Recipient,
  scanSend,
  TIMES,
} from '@claudemesh/protocol'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { SendAnswer } from './answers.ts'
import type { Attachment, PushSocket } from './attachment.ts'
import type { BatchWriter } from './batch-writer.ts'
import { contentHash } from './content-hash.ts'
import type { MeshRecipients } from './mesh-recipients.ts'
import { recipientIndex, sameRecipient } from './recipient-index.ts'
import { recipientsHash } from './recipients-hash.ts'

export interface AcceptParts {
  readonly lane: BatchWriter
  readonly limits: { readonly ttlMs: number; readonly bodyBytes: number; readonly recipients: number }
  readonly now: () => number
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
  /** Takes `count` envelopes from the member's bucket: 0, or ms to wait. */
  take(member: Uint8Array, count: number): number
  readonly draining: () => boolean
}

/** Who sends: the socket, its mesh, and what was attached on it (live or replaced). */
export interface Sender {
  readonly socket: PushSocket
  readonly member: Uint8Array
  readonly mesh: MeshRecipients
  readonly attachments: ReadonlyMap<string, Attachment>
}

/** What may wait for the database before senders are told to come again: with it down, memory stays bounded. */
const LANE_BYTES = 64 << 20

/**
 * Takes one `send` frame. Returns how long its member has to wait until the bucket holds as much, ms; 0 where it did.
 * Throws `MeshError` where the frame itself is broken; then nothing of it was taken.
 */
export function acceptSend(parts: AcceptParts, sender: Sender, frame: Uint8Array): number {
  const { ref, envelopes } = scanSend(frame)
  const arrived = parts.now()
  const span = parts.tracing?.start('send', { envelopes: envelopes.length, bytes: frame.length })
  const answer = new SendAnswer(sender.socket, ref, envelopes.length, span)
  const { whole, wait } = frameRefusal(parts, sender, envelopes.length)
  let answered = false
  let from: Attachment | undefined
  let to: Recipient | undefined
  for (const [place, envelope] of envelopes.entries()) {
    if (envelope.error === null && (from === undefined || !sameRecipient(from.recipient, envelope.from)))
      from = sender.attachments.get(recipientIndex(envelope.from))
    const own =
      envelope.error === null ? refusal(parts, sender, from, envelope, arrived) : envelope.error.code
    const error = whole ?? own
    if (error === null && envelope.error === null) {
      const item = itemOf(envelope, sender.mesh.id, from!.recipient, to)
      to = item.to[0]!.recipient
      const bytes = item.header.length + item.body.length
      parts.lane.accept({ item, mesh: sender.mesh, answer, place, bytes, arrived })
    } else {
      parts.metrics.refused(error ?? 'internal')
      if (answer.settle(place, refused(envelope.id, error ?? 'internal', arrived))) answered = true
    }
  }
  if (answered) sender.socket.flushOut()
  parts.lane.kick()
  return wait
}

const refused = (id: Uint8Array, error: ErrorCode, at: number): AcceptedResult => ({
  id,
  error,
  seq: 0,
  auditIndex: 0,
  at,
  recipients: [],
})

/** Why nothing of a frame is taken, `null` = its envelopes are looked at one by one; and how long the bucket wants, ms. */
function frameRefusal(
  parts: AcceptParts,
  sender: Sender,
  count: number,
): { whole: ErrorCode | null; wait: number } {
  if (parts.draining()) return { whole: 'draining', wait: 0 }
  if (parts.lane.waitingBytes > LANE_BYTES) return { whole: 'rate', wait: 0 }
  const wait = parts.take(sender.member, count)
  return { whole: wait > 0 ? 'rate' : null, wait }
}

/** Why an envelope is not even asked about in the database; `null` = it is. */
function refusal(
  { limits }: AcceptParts,
  sender: Sender,
  from: Attachment | undefined,
  envelope: RawEnvelope,
  now: number,
): ErrorCode | null {
  if (!equalBytes(envelope.mesh, sender.mesh.id)) return 'unknown-mesh'
  if (from === undefined) return 'not-attached'
  if (!from.live) return 'replaced'
  const time = uuidTime(envelope.id)
  if (time === undefined || time !== envelope.sentAt) return 'bad-field'
  if (Math.abs(time - now) > TIMES.idSkewMs) return 'id-time'
  if (envelope.ttl < 1 || envelope.ttl > limits.ttlMs) return 'bad-field'
  if (envelope.body.length > limits.bodyBytes || envelope.to.length > limits.recipients) return 'too-large'
  return null
}

/** Mesh and sender as objects that are known already, and the last recipient where it is the same: the lane tells such apart by `===`. */
const itemOf = (
  envelope: RawEnvelope,
  mesh: Uint8Array,
  from: Recipient,
  last: Recipient | undefined,
): AcceptItem => ({
  mesh,
  id: envelope.id,
  from,
  contentHash: contentHash(envelope),
  header: envelope.header,
  body: envelope.body,
  recipientsHash: recipientsHash(envelope.targets),
  to: envelope.to.map((recipient, i) => ({
    recipient: last !== undefined && sameRecipient(last, recipient) ? last : recipient,
    slot: envelope.slots[i]!,
  })),
  expiresAt: envelope.sentAt + envelope.ttl,
})
