/** `deliver`: what stands in one recipient's queue, each envelope with the slot of that recipient alone. */
import type { DeliverFrame, Delivery } from '../data-frames.ts'
import type { DeliveredEnvelope } from '../envelope.ts'
import type { Recipient } from '../schema.ts'
import { fault, within } from './fault.ts'
import { beginFrame, HEAD_BYTES, type Head } from './head.ts'
import { encodeHeader, headerSize, readHeader } from './header.ts'
import type { Reader } from './reader.ts'
import { readRecipient, recipientSize, writeRecipient } from './recipient.ts'
import { readSlotBytes, writeSlotBytes } from './slot.ts'

/** One delivery as the broker holds it: sealed bytes that were checked when they came in. */
export interface DeliverItem {
  readonly seq: number
  /** The exact header bytes. */
  readonly header: Uint8Array
  readonly slot: Uint8Array
  readonly body: Uint8Array
}

/** seq 8 and the slot's length 2, behind the item's own length 4. */
const ITEM_BYTES = 10

/** Bytes of a `deliver` frame before its first item. */
export const deliverHeadSize = (recipient: Recipient): number => HEAD_BYTES + recipientSize(recipient) + 8

/** Bytes that one item adds to a `deliver` frame. */
export const deliverItemSize = (item: Omit<DeliverItem, 'seq'>): number =>
  4 + ITEM_BYTES + item.header.length + item.slot.length + item.body.length

/** Bytes of the whole frame. */
export function deliverSize(frame: DeliverFrame): number {
  let size = deliverHeadSize(frame.recipient)
  for (const { envelope } of frame.deliveries)
    size += 4 + ITEM_BYTES + headerSize(envelope.header) + envelope.slot.length + envelope.body.length
  return size
}

/**
 * One `deliver` frame from stored bytes, which are copied in untouched and not read again.
 * Throws `too-large` above the frame limit: add up `deliverHeadSize` and `deliverItemSize` to stay below it.
 */
export function encodeDeliver(
  recipient: Recipient,
  attachment: number,
  items: readonly DeliverItem[],
): Uint8Array<ArrayBuffer> {
  let size = deliverHeadSize(recipient)
  for (let i = 0; i < items.length; i++) size += deliverItemSize(items[i]!)
  const writer = beginFrame('deliver', items.length, 0, size)
  writeRecipient(writer, recipient, 'recipient')
  writer.u64(attachment, 'attachment')
  for (let i = 0; i < items.length; i++) {
    const item = items[i]!
    writer.u32(deliverItemSize(item) - 4, 'length')
    writer.u64(item.seq, 'seq')
    writer.raw(item.header)
    writeSlotBytes(writer, item.slot, 'slot')
    writer.raw(item.body)
  }
  return writer.bytes
}

export function encodeDeliverFrame(frame: DeliverFrame): Uint8Array<ArrayBuffer> {
  const items: DeliverItem[] = []
  try {
    for (const delivery of frame.deliveries) items.push(toItem(delivery))
  } catch (error) {
    throw within(`deliveries[${items.length}]`, error)
  }
  return encodeDeliver(frame.recipient, frame.attachment, items)
}

function toItem({ seq, envelope }: Delivery): DeliverItem {
  try {
    const { header, slot, body } = envelope
    if (!(body instanceof Uint8Array) || body.length !== header.size)
      throw fault('bad-field', `${header.size} bytes expected`, 'body')
    return { seq, header: encodeEnvelopeHeader(header), slot, body }
  } catch (error) {
    throw within('envelope', error)
  }
}

function encodeEnvelopeHeader(header: DeliveredEnvelope['header']): Uint8Array {
  try {
    return encodeHeader(header)
  } catch (error) {
    throw within('header', error)
  }
}

export function decodeDeliver({ count, reader }: Head): DeliverFrame {
  const recipient = readRecipient(reader, 'recipient')
  const attachment = reader.u64('attachment')
  const deliveries: Delivery[] = []
  try {
    while (deliveries.length < count) deliveries.push(readDelivery(reader.part('length')))
  } catch (error) {
    throw within(`deliveries[${deliveries.length}]`, error)
  }
  reader.finish('deliveries')
  return { type: 'deliver', recipient, attachment, deliveries }
}

function readDelivery(reader: Reader): Delivery {
  const seq = reader.u64('seq')
  try {
    return { seq, envelope: readDelivered(reader) }
  } catch (error) {
    throw within('envelope', error)
  }
}

function readDelivered(reader: Reader): DeliveredEnvelope {
  let header: DeliveredEnvelope['header']
  try {
    header = readHeader(reader)
  } catch (error) {
    throw within('header', error)
  }
  const slot = readSlotBytes(reader, 'slot')
  const body = reader.take(header.size, 'body')
  reader.finish('body')
  return { header, slot, body }
}
