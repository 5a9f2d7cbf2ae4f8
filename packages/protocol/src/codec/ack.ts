/** `ack`: up to which place a recipient's own store holds everything. */
import type { Ack, AckFrame } from '../data-frames.ts'
import { within } from './fault.ts'
import { beginFrame, HEAD_BYTES, type Head } from './head.ts'
import { readRecipient, recipientSize, writeRecipient } from './recipient.ts'

/** Bytes of the whole frame. */
export function ackSize(frame: AckFrame): number {
  let size = HEAD_BYTES
  for (const ack of frame.acks) size += recipientSize(ack.recipient) + 16
  return size
}

export function encodeAck(frame: AckFrame): Uint8Array<ArrayBuffer> {
  const writer = beginFrame('ack', frame.acks.length, frame.ref, ackSize(frame))
  for (const [i, ack] of frame.acks.entries()) {
    writeRecipient(writer, ack.recipient, `acks[${i}].recipient`)
    writer.u64(ack.attachment, `acks[${i}].attachment`)
    writer.u64(ack.upTo, `acks[${i}].upTo`)
  }
  return writer.bytes
}

export function decodeAck({ count, ref, reader }: Head): AckFrame {
  const acks: Ack[] = []
  try {
    while (acks.length < count)
      acks.push({
        recipient: readRecipient(reader, 'recipient'),
        attachment: reader.u64('attachment'),
        upTo: reader.u64('upTo'),
      })
  } catch (error) {
    throw within(`acks[${acks.length}]`, error)
  }
  reader.finish('acks')
  return { type: 'ack', ref, acks }
}
