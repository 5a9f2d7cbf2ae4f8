/** Envelopes as cheap as they get: sealed once, then copied with a new id and time, so that making load is not the load. */
import { encodeFrame, type Recipient } from '@claudemesh/protocol'

/** Bytes of a sealed body where nothing else is said: the smallest padded size that holds a few sentences. */
const BODY_BYTES = 512
const HEAD_BYTES = 8
const LENGTH_BYTES = 4
/** Within an item, behind its length: version 1, then id 16, mesh 32, from 65, then `sentAt`. */
const ID_AT = 1
const SENT_AT = ID_AT + 16 + 32 + 65

/** The host gives at most 64 KiB at once. */
function random(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += 1 << 16) crypto.getRandomValues(bytes.subarray(at, at + (1 << 16)))
  return bytes
}

/** One item of a `send` with its length prefix, from one session to others. */
export function sendItem(
  mesh: Uint8Array,
  from: Recipient,
  to: readonly Recipient[],
  bodyBytes = BODY_BYTES,
): Uint8Array<ArrayBuffer> {
  const frame = encodeFrame({
    type: 'send',
    ref: 0,
    envelopes: [
      {
        header: {
          id: random(16),
          mesh,
          from,
          sentAt: 0,
          ttl: 3_600_000,
          priority: 'next',
          nonce: random(24),
          commit: random(32),
          size: bodyBytes,
          to: to.map(recipient => ({ recipient, prekeyId: random(16), slotHash: random(32) })),
        },
        slots: to.map(() => random(80)),
        body: random(bodyBytes),
      },
    ],
  })
  return frame.slice(HEAD_BYTES)
}

/** A `send` frame of `count` copies of `item`; `firstNumber` and what follows end the ids and make them distinct. */
export function sendFrame(
  item: Uint8Array,
  count: number,
  firstNumber: number,
  nowMs: number,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEAD_BYTES + count * item.length)
  const view = new DataView(frame.buffer)
  frame[0] = 1
  frame[1] = 1
  view.setUint16(2, count)
  const high = Math.floor(nowMs / 2 ** 32)
  const low = nowMs % 2 ** 32
  for (let i = 0; i < count; i++) {
    const at = HEAD_BYTES + i * item.length
    frame.set(item, at)
    const id = at + LENGTH_BYTES + ID_AT
    // UUIDv7: time, version and variant; random but for the number at its end.
    view.setUint16(id, high)
    view.setUint32(id + 2, low)
    view.setUint16(id + 6, 0x7000 | (Math.random() * 0x1000))
    view.setUint32(id + 8, 0x8000_0000 + Math.floor(Math.random() * 0x4000_0000))
    view.setUint32(id + 12, firstNumber + i)
    const sentAt = at + LENGTH_BYTES + SENT_AT
    view.setUint32(sentAt, high)
    view.setUint32(sentAt + 4, low)
  }
  return frame
}

/** What one `deliver` frame of a session holds, read without decoding it. */
export interface Delivered {
  readonly count: number
  readonly lastSeq: number
}

/** type, version, count, ref; the session's recipient 65; attachment 8. */
const DELIVER_HEAD = HEAD_BYTES + 65 + 8

/**
 * Walks a `deliver` frame. Calls `each` with the number at the end of every id. Throws when seqs do not ascend from
 * `afterSeq`: the bench counts nothing that arrived out of order.
 */
export function readDeliver(frame: Uint8Array, afterSeq: number, each?: (number: number) => void): Delivered {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const count = view.getUint16(2)
  let at = DELIVER_HEAD
  let lastSeq = afterSeq
  for (let i = 0; i < count; i++) {
    const seq = view.getUint32(at + 4) * 2 ** 32 + view.getUint32(at + 8)
    if (seq <= lastSeq) throw new Error(`seq ${seq} was delivered behind ${lastSeq}`)
    lastSeq = seq
    each?.(view.getUint32(at + 4 + 8 + ID_AT + 12))
    at += 4 + view.getUint32(at)
  }
  return { count, lastSeq }
}
