/** `accepted`: one result per envelope of the `send` it answers, in the same order. */
import {
  type AcceptedFrame,
  type AcceptedResult,
  RECIPIENT_STATES,
  type RecipientState,
} from '../data-frames.ts'
import { ERRORS, type ErrorCode, errorCodeOfWire } from '../errors.ts'
import { LIMITS, SIZES } from '../limits.ts'
import { fault, within } from './fault.ts'
import { beginFrame, HEAD_BYTES, type Head } from './head.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** id, code, seq, auditIndex, at, n; the states come on top. */
const FIXED_BYTES = SIZES.id + 1 + 8 + 8 + 8 + 2

/** Bytes of the whole frame. */
export function acceptedSize(results: readonly AcceptedResult[]): number {
  let size = HEAD_BYTES
  for (const result of results) size += FIXED_BYTES + result.recipients.length
  return size
}

/** What a result says must fit its code: places only for what was committed, states only where somebody was looked up. */
function check({ error, seq, auditIndex, recipients }: AcceptedResult): void {
  if (recipients.length > LIMITS.recipientsPerEnvelope)
    throw fault('too-large', 'above 256 recipients', 'recipients')
  if (error === null) return
  if (seq !== 0) throw fault('bad-field', 'not accepted, so no place', 'seq')
  if (auditIndex !== 0) throw fault('bad-field', 'not accepted, so no leaf', 'auditIndex')
  if (recipients.length > 0 && error !== 'unknown-recipient')
    throw fault('bad-field', 'states come with accepted and unknown-recipient only', 'recipients')
}

/**
 * The answer to a `send`, in the order of its envelopes; `ref` is the one of the `send`, 0 = none.
 * Throws `MeshError` for what `decodeFrame` would refuse.
 */
export function encodeAccepted(ref: number, results: readonly AcceptedResult[]): Uint8Array<ArrayBuffer> {
  const writer = beginFrame('accepted', results.length, ref, acceptedSize(results))
  for (let i = 0; i < results.length; i++) {
    try {
      writeResult(writer, results[i]!)
    } catch (error) {
      throw within(`results[${i}]`, error)
    }
  }
  return writer.bytes
}

function writeResult(writer: Writer, result: AcceptedResult): void {
  check(result)
  writer.fixed(result.id, SIZES.id, 'id')
  writer.u8(wireOf(result.error))
  writer.u64(result.seq, 'seq')
  writer.u64(result.auditIndex, 'auditIndex')
  writer.u64(result.at, 'at')
  writer.u16(result.recipients.length)
  for (const state of result.recipients) {
    const number = RECIPIENT_STATES.indexOf(state)
    if (number === -1) throw fault('bad-field', 'unknown state', 'recipients')
    writer.u8(number)
  }
}

function wireOf(error: ErrorCode | null): number {
  if (error === null) return 0
  if (!Object.hasOwn(ERRORS, error)) throw fault('bad-field', 'unknown code', 'error')
  return ERRORS[error].wire
}

export function decodeAccepted(head: Head): AcceptedFrame {
  const results: AcceptedResult[] = []
  try {
    while (results.length < head.count) results.push(readResult(head.reader))
  } catch (error) {
    throw within(`results[${results.length}]`, error)
  }
  head.reader.finish('results')
  return { type: 'accepted', ref: head.ref, results }
}

function readResult(reader: Reader): AcceptedResult {
  const id = reader.take(SIZES.id, 'id')
  const wire = reader.u8('error')
  const error = wire === 0 ? null : errorCodeOfWire(wire)
  if (error === undefined) throw fault('bad-field', 'unknown code', 'error')
  const seq = reader.u64('seq')
  const auditIndex = reader.u64('auditIndex')
  const at = reader.u64('at')
  const result = { id, error, seq, auditIndex, at, recipients: readStates(reader) }
  check(result)
  return result
}

function readStates(reader: Reader): RecipientState[] {
  const states: RecipientState[] = []
  for (const byte of reader.take(reader.u16('recipients'), 'recipients')) {
    const state = RECIPIENT_STATES[byte]
    if (!state) throw fault('bad-field', 'unknown state', 'recipients')
    states.push(state)
  }
  return states
}
