/** An `ack` frame from its bytes to the lane: only the recipient's own attachment, only what was delivered on it. */
import { type Ack, decodeFrame, MeshError } from '@claudemesh/protocol'
import type { Metrics } from '../telemetry/metrics.ts'
import { AckAnswer } from './answers.ts'
import type { Attachment, PushSocket } from './attachment.ts'
import type { BatchWriter } from './batch-writer.ts'
import { recipientIndex } from './recipient-index.ts'

export interface Acker extends PushSocket {
  readonly attachments: ReadonlyMap<string, Attachment>
}

/** Takes one `ack` frame; each of its acks stands or falls alone. Throws `MeshError` where the frame itself is broken. */
export function takeAcks(lane: BatchWriter, metrics: Metrics, socket: Acker, bytes: Uint8Array): void {
  const frame = decodeFrame(bytes)
  if (frame.type !== 'ack') throw new MeshError('bad-frame', 'No ack.', { field: 'type' })
  const answer = new AckAnswer(socket, frame.ref, frame.acks.length)
  for (const [i, ack] of frame.acks.entries()) {
    const attachment = socket.attachments.get(recipientIndex(ack.recipient))
    const error = refusal(attachment, ack, `acks[${i}]`)
    if (error !== null) metrics.refused(error.code)
    if (error !== null || attachment === undefined || ack.upTo <= attachment.acked) answer.settle(error)
    else lane.ack(attachment, ack.upTo, answer, frame.ref !== 0 || attachment.pressed)
  }
  lane.kick()
}

function refusal(attachment: Attachment | undefined, ack: Ack, field: string): MeshError | null {
  if (attachment === undefined)
    return new MeshError('not-attached', 'This recipient is not attached on this socket.', { field })
  if (!attachment.live || attachment.number !== ack.attachment)
    return new MeshError('replaced', 'This is not the attachment that stands.', { field })
  if (ack.upTo > attachment.delivered)
    return new MeshError('bad-ack', 'Acked beyond what was delivered on this attachment.', {
      field,
      facts: { delivered: attachment.delivered },
    })
  return null
}
