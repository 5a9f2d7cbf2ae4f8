/** The broker's reading of `send`: views of what it routes by, and an error for each envelope that is broken by itself. */
import type { EnvelopeTo } from '../envelope.ts'
import { MeshError } from '../errors.ts'
import { SIZES } from '../limits.ts'
import type { Priority, Recipient } from '../schema.ts'
import { fault, within } from './fault.ts'
import { readHead } from './head.ts'
import type { Reader } from './reader.ts'
import { readSendItem } from './send.ts'

/** A well-formed envelope of a `send`. Every byte string is a view of the frame: copy what outlives it. */
export interface RawEnvelope {
  readonly error: null
  readonly id: Uint8Array
  readonly mesh: Uint8Array
  readonly from: Recipient
  /** Recipients in the order of the header. */
  readonly to: readonly Recipient[]
  /** The same recipients with prekey ids and slot hashes. */
  readonly targets: readonly EnvelopeTo[]
  readonly sentAt: number
  readonly ttl: number
  readonly priority: Priority
  /** The exact header bytes. */
  readonly header: Uint8Array
  /** One for each of `to`. */
  readonly slots: readonly Uint8Array[]
  readonly body: Uint8Array
}

/** An envelope that does not decode while the frame around it does. */
export interface BrokenEnvelope {
  /** Names the field: `envelopes[3].header.to[1]`. */
  readonly error: MeshError
  /** 16 zero bytes where the item was too short to hold one. */
  readonly id: Uint8Array
}
export type ScannedEnvelope = RawEnvelope | BrokenEnvelope

/** `envelopes` are in the order of the frame: one result is owed for each. */
export interface ScannedSend {
  readonly ref: number
  readonly envelopes: readonly ScannedEnvelope[]
}

/**
 * Reads a `send` frame without copying. Throws `MeshError` when the frame itself is broken (not a `send`, a length
 * that does not fit, trailing bytes); an envelope that is broken within its own length comes back with its error.
 */
export function scanSend(bytes: Uint8Array): ScannedSend {
  const { type, count, ref, reader } = readHead(bytes)
  if (type !== 'send') throw fault('bad-frame', 'not a send frame', 'type')
  const envelopes: ScannedEnvelope[] = []
  while (envelopes.length < count) {
    let item: Reader
    try {
      item = reader.part('length')
    } catch (error) {
      throw within(`envelopes[${envelopes.length}]`, error)
    }
    envelopes.push(scanItem(item, envelopes.length))
  }
  reader.finish('envelopes')
  return { ref, envelopes }
}

function scanItem(item: Reader, index: number): ScannedEnvelope {
  try {
    const { header, headerBytes, slots, body } = readSendItem(item)
    const { id, mesh, from, to: targets, sentAt, ttl, priority } = header
    const to = targets.map(target => target.recipient)
    return {
      error: null,
      id,
      mesh,
      from,
      to,
      targets,
      sentAt,
      ttl,
      priority,
      header: headerBytes,
      slots,
      body,
    }
  } catch (cause) {
    const error = within(`envelopes[${index}]`, cause)
    if (!(error instanceof MeshError)) throw error
    return {
      error,
      id: item.bytes.length > SIZES.id ? item.bytes.subarray(1, 1 + SIZES.id) : new Uint8Array(SIZES.id),
    }
  }
}
