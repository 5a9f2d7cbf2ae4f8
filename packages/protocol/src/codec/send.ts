/** `send`: envelopes as their sender hands them to the broker, each behind its own length. */
import type { SendFrame } from '../data-frames.ts'
import type { Envelope, EnvelopeHeader } from '../envelope.ts'
import { fault, within } from './fault.ts'
import { beginFrame, HEAD_BYTES, type Head } from './head.ts'
import { headerSize, readHeader, writeHeader } from './header.ts'
import type { Reader } from './reader.ts'
import { readSlotBytes, writeSlotBytes } from './slot.ts'
import type { Writer } from './writer.ts'

/** Bytes of one item without its length prefix. */
function itemSize(envelope: Envelope): number {
  let size = headerSize(envelope.header) + envelope.body.length
  for (const slot of envelope.slots) size += 2 + slot.length
  return size
}

/** Bytes of the whole frame. */
export function sendSize(frame: SendFrame): number {
  let size = HEAD_BYTES
  for (const envelope of frame.envelopes) size += 4 + itemSize(envelope)
  return size
}

/** An item as its parts: the header read, and where its bytes end. */
export interface SendItem {
  readonly header: EnvelopeHeader
  /** The exact bytes of `header`. */
  readonly headerBytes: Uint8Array
  readonly slots: readonly Uint8Array[]
  readonly body: Uint8Array
}

/** Reads one item that fills `reader` to its end. */
export function readSendItem(reader: Reader): SendItem {
  const start = reader.at
  let header: EnvelopeHeader
  try {
    header = readHeader(reader)
  } catch (error) {
    throw within('header', error)
  }
  const headerBytes = reader.bytes.subarray(start, reader.at)
  const slots = readSlots(reader, header.to.length)
  const body = reader.take(header.size, 'body')
  reader.finish('body')
  return { header, headerBytes, slots, body }
}

function readSlots(reader: Reader, count: number): Uint8Array[] {
  const slots: Uint8Array[] = []
  try {
    while (slots.length < count) slots.push(readSlotBytes(reader, ''))
  } catch (error) {
    throw within(`slots[${slots.length}]`, error)
  }
  return slots
}

export function decodeSend(head: Head): SendFrame {
  const envelopes: Envelope[] = []
  try {
    while (envelopes.length < head.count) {
      const { header, slots, body } = readSendItem(head.reader.part('length'))
      envelopes.push({ header, slots, body })
    }
  } catch (error) {
    throw within(`envelopes[${envelopes.length}]`, error)
  }
  head.reader.finish('envelopes')
  return { type: 'send', ref: head.ref, envelopes }
}

export function encodeSend(frame: SendFrame): Uint8Array<ArrayBuffer> {
  const writer = beginFrame('send', frame.envelopes.length, frame.ref, sendSize(frame))
  for (const [i, envelope] of frame.envelopes.entries()) {
    try {
      writer.u32(itemSize(envelope), 'length')
      writeEnvelope(writer, envelope)
    } catch (error) {
      throw within(`envelopes[${i}]`, error)
    }
  }
  return writer.bytes
}

function writeEnvelope(writer: Writer, { header, slots, body }: Envelope): void {
  try {
    writeHeader(writer, header)
  } catch (error) {
    throw within('header', error)
  }
  if (slots.length !== header.to.length) throw fault('bad-field', 'one slot for every recipient', 'slots')
  for (const [i, slot] of slots.entries()) writeSlotBytes(writer, slot, `slots[${i}]`)
  writer.fixed(body, header.size, 'body')
}
