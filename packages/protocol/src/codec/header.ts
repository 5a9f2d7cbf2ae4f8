/** The envelope header in bytes, the same for its signature's reader, the broker and every recipient. */
import type { EnvelopeHeader, EnvelopeTo } from '../envelope.ts'
import { LIMITS, SIZES, VERSION } from '../limits.ts'
import type { Priority } from '../schema.ts'
import { fault, within } from './fault.ts'
import { firstOutOfOrder } from './order.ts'
import { Reader } from './reader.ts'
import { readRecipient, recipientSize, writeRecipient } from './recipient.ts'
import { Writer } from './writer.ts'

/** In the order of their numbers on the wire. */
const PRIORITIES: readonly Priority[] = ['now', 'next', 'low']
/** version, id, mesh, sentAt, ttl, priority, nonce, commit, size, toCount; `from` and `to` come on top. */
const FIXED_BYTES = 1 + SIZES.id + SIZES.key + 8 + 8 + 1 + SIZES.nonce + SIZES.hash + 4 + 2

/** Bytes that `encodeHeader` makes of this header. */
export function headerSize(header: EnvelopeHeader): number {
  let size = FIXED_BYTES + recipientSize(header.from)
  for (const to of header.to) size += recipientSize(to.recipient) + SIZES.prekeyId + SIZES.hash
  return size
}

/** Throws `bad-field` or `too-large` unless the fields are within the limits and `to` is in order, nobody twice. */
function check(header: EnvelopeHeader): void {
  if (header.ttl > LIMITS.ttlMs) throw fault('bad-field', 'longer than 30 days', 'ttl')
  if (header.size > LIMITS.bodyBytes) throw fault('too-large', 'body above 256 KiB', 'size')
  const wrong = firstOutOfOrder(header.to)
  if (wrong !== -1) throw fault('bad-field', 'recipients are not sorted, or one stands twice', `to[${wrong}]`)
}

/** Reads one header; `to` and all keys are views. Throws `MeshError` with a field relative to the header. */
export function readHeader(reader: Reader): EnvelopeHeader {
  if (reader.u8('version') !== VERSION) throw fault('bad-field', 'unknown version', 'version')
  const id = reader.take(SIZES.id, 'id')
  const mesh = reader.take(SIZES.key, 'mesh')
  const from = readRecipient(reader, 'from')
  const sentAt = reader.u64('sentAt')
  const ttl = reader.u64('ttl')
  const priority = PRIORITIES[reader.u8('priority')]
  if (!priority) throw fault('bad-field', 'unknown priority', 'priority')
  const nonce = reader.take(SIZES.nonce, 'nonce')
  const commit = reader.take(SIZES.hash, 'commit')
  const size = reader.u32('size')
  const to = readTo(reader)
  const header = { id, mesh, from, sentAt, ttl, priority, nonce, commit, size, to }
  check(header)
  return header
}

function readTo(reader: Reader): EnvelopeTo[] {
  const count = reader.u16('to')
  if (count === 0) throw fault('bad-field', 'no recipient', 'to')
  if (count > LIMITS.recipientsPerEnvelope) throw fault('too-large', 'above 256 recipients', 'to')
  const to: EnvelopeTo[] = []
  try {
    while (to.length < count)
      to.push({
        recipient: readRecipient(reader, 'recipient'),
        prekeyId: reader.take(SIZES.prekeyId, 'prekeyId'),
        slotHash: reader.take(SIZES.hash, 'slotHash'),
      })
  } catch (error) {
    throw within(`to[${to.length}]`, error)
  }
  return to
}

/** Writes one header. Throws `MeshError` for whatever `readHeader` would refuse. */
export function writeHeader(writer: Writer, header: EnvelopeHeader): void {
  if (header.to.length === 0) throw fault('bad-field', 'no recipient', 'to')
  if (header.to.length > LIMITS.recipientsPerEnvelope) throw fault('too-large', 'above 256 recipients', 'to')
  const priority = PRIORITIES.indexOf(header.priority)
  if (priority === -1) throw fault('bad-field', 'unknown priority', 'priority')
  writer.u8(VERSION)
  writer.fixed(header.id, SIZES.id, 'id')
  writer.fixed(header.mesh, SIZES.key, 'mesh')
  writeRecipient(writer, header.from, 'from')
  writer.u64(header.sentAt, 'sentAt')
  writer.u64(header.ttl, 'ttl')
  writer.u8(priority)
  writer.fixed(header.nonce, SIZES.nonce, 'nonce')
  writer.fixed(header.commit, SIZES.hash, 'commit')
  writer.u32(header.size, 'size')
  writer.u16(header.to.length)
  for (const [i, to] of header.to.entries()) {
    writeRecipient(writer, to.recipient, `to[${i}].recipient`)
    writer.fixed(to.prekeyId, SIZES.prekeyId, `to[${i}].prekeyId`)
    writer.fixed(to.slotHash, SIZES.hash, `to[${i}].slotHash`)
  }
  check(header)
}

/**
 * The exact bytes of a header: what travels, and what the body is bound to as associated data (SPEC section 5).
 * Throws `MeshError` (`bad-field`, `too-large`) that names the field.
 */
export function encodeHeader(header: EnvelopeHeader): Uint8Array<ArrayBuffer> {
  const writer = new Writer(headerSize(header))
  writeHeader(writer, header)
  return writer.bytes
}

/** Reads bytes that hold one header and nothing else. Keys are views of `bytes`. Throws `MeshError`. */
export function decodeHeader(bytes: Uint8Array): EnvelopeHeader {
  const reader = new Reader(bytes)
  const header = readHeader(reader)
  reader.finish('header')
  return header
}
