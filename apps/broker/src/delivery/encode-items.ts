/** Deliveries and facts as frames: runs of one kind share a frame, and no frame goes beyond its limit. */
import { encodeDeliver, encodeFrame, LIMITS } from '@claudemesh/protocol'
import type { Attachment, QueueItem } from './attachment.ts'

/** What a fact and the fields around an envelope take at most. */
const FACT_BYTES = 300
const ENVELOPE_HEAD_BYTES = 14
const FRAME_ROOM = LIMITS.frameBytes - 128
/** A client opens and stores a frame in one go: it gets to other things between two. */
const FRAME_ITEMS = 64

/** Bytes that `item` counts in a window. */
export const itemBytes = (item: QueueItem): number =>
  item.fact === null
    ? ENVELOPE_HEAD_BYTES + item.header.length + item.slot.length + item.body.length
    : FACT_BYTES

/** Frames that hold `items`, in their order. */
export function encodeItems(to: Attachment, items: readonly QueueItem[]): Uint8Array[] {
  const frames: Uint8Array[] = []
  let start = 0
  while (start < items.length) {
    const facts = items[start]!.fact !== null
    let end = start
    let bytes = 0
    while (end < items.length && end - start < FRAME_ITEMS) {
      const item = items[end]!
      bytes += itemBytes(item)
      if ((item.fact !== null) !== facts || (end > start && bytes > FRAME_ROOM)) break
      end++
    }
    frames.push(encodeRun(to, items.slice(start, end)))
    start = end
  }
  return frames
}

function encodeRun({ recipient, number }: Attachment, run: readonly QueueItem[]): Uint8Array {
  const envelopes = run.filter(item => item.fact === null)
  if (envelopes.length > 0) return encodeDeliver(recipient, number, envelopes)
  const facts = run.flatMap(({ seq, fact }) => (fact === null ? [] : [{ seq, fact }]))
  return encodeFrame({ type: 'fact', recipient, attachment: number, facts })
}
