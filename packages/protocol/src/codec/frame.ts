/** Every binary frame of /ws to bytes and back; one value has one encoding, and nothing else decodes to it. */
import type { DataFrame } from '../data-frames.ts'
import { acceptedSize, decodeAccepted, encodeAccepted } from './accepted.ts'
import { ackSize, decodeAck, encodeAck } from './ack.ts'
import { decodeDeliver, deliverSize, encodeDeliverFrame } from './deliver.ts'
import { decodeFact, encodeFact, factSize } from './fact.ts'
import { fault } from './fault.ts'
import { readHead } from './head.ts'
import { decodeSend, encodeSend, sendSize } from './send.ts'

/** Bytes that `encodeFrame` makes of this frame. */
export function frameSize(frame: DataFrame): number {
  switch (frame.type) {
    case 'send':
      return sendSize(frame)
    case 'accepted':
      return acceptedSize(frame.results)
    case 'deliver':
      return deliverSize(frame)
    case 'ack':
      return ackSize(frame)
    case 'fact':
      return factSize(frame)
  }
}

/** The bytes of one frame (SPEC section 6). Throws `MeshError` (`bad-field`, `too-large`) that names the field. */
export function encodeFrame(frame: DataFrame): Uint8Array<ArrayBuffer> {
  switch (frame.type) {
    case 'send':
      return encodeSend(frame)
    case 'accepted':
      return encodeAccepted(frame.ref, frame.results)
    case 'deliver':
      return encodeDeliverFrame(frame)
    case 'ack':
      return encodeAck(frame)
    case 'fact':
      return encodeFact(frame)
  }
}

/**
 * Reads one binary frame. Byte strings in it are views of `bytes`: copy what outlives the frame.
 * Throws `MeshError` (`bad-frame`, `bad-field`, `too-large`; `unsupported` for the types of rooms) that names the field.
 */
export function decodeFrame(bytes: Uint8Array): DataFrame {
  const head = readHead(bytes)
  switch (head.type) {
    case 'send':
      return decodeSend(head)
    case 'accepted':
      return decodeAccepted(head)
    case 'deliver':
      return decodeDeliver(head)
    case 'ack':
      return decodeAck(head)
    case 'fact':
      return decodeFact(head)
    default:
      throw fault('unsupported', 'rooms do not exist yet', 'type')
  }
}
