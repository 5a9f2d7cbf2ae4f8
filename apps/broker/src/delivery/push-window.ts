/** Hands every recipient its queue in order of seq and within its window; what does not fit stays in the database. */
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import {
  type Attachment,
  type EnvelopeItem,
  type HeldBytes,
  heldSize,
  type PushSocket,
  type QueueItem,
} from './attachment.ts'
import { encodeItems, itemBytes } from './encode-items.ts'
import { NOTHING } from './nothing.ts'

interface WindowLimits {
  readonly perRecipientCount: number
  readonly perRecipientBytes: number
  readonly perSocketCount: number
  readonly perSocketBytes: number
}

/** What a socket's attachments hold in memory at most, so that a full window does not mean a read for every ack. */
const HELD_BYTES = 1 << 20
/** What all of them do together: a crowd that does not ack costs no more. */
const ALL_HELD_BYTES = 64 << 20

/** Of a queue, rising. */
interface Page {
  readonly items: QueueItem[]
  /** The mesh's seq at that moment. */
  readonly upTo: number
  /** Others may wait above them. */
  readonly more: boolean
}

export interface PushWindowParts {
  readonly limits: WindowLimits
  /** What stands above `after`, within both limits; the first comes whatever its size. */
  readQueue(attachment: Attachment, after: number, maxRows: number, maxBytes: number): Promise<Page>
  readonly held: HeldBytes
  readonly now: () => number
  readonly metrics: Metrics
  readonly log: Log
}

export interface PushWindow {
  /** The account that its attachments keep. */
  readonly held: HeldBytes
  /**
   * A committed envelope for an attached recipient; goes out with `flush`. Everything above the seq `after` up to it was
   * committed here and offered: where that is more than the queue was read for, another node came between and it is read again.
   */
  offer(attachment: Attachment, item: EnvelopeItem, after: number): void
  /** Encodes and sends what was offered since the last flush. */
  flush(): void
  /** Something new stands in the queue that was not offered (a fact, another node's commit). */
  wake(attachment: Attachment): void
  /** Acked by a committed transaction: the window opens. */
  acked(attachment: Attachment, upTo: number): void
  /** Starts reads for what is behind on this socket: after attach, ack and drain. */
  pump(socket: PushSocket): void
  /** Begins again at the ack: what is unacked is sent once more, oldest first. */
  rewind(attachment: Attachment): void
}

export function createPushWindow(parts: PushWindowParts): PushWindow {
  const { limits, metrics } = parts
  const touched: Attachment[] = []
  /** Behind another node's commit: read when all is offered. */
  const behind = new Set<PushSocket>()

  const roomOf = ({ inFlight, socket }: Attachment): number =>
    socket.congested ||
    inFlight.bytes >= limits.perRecipientBytes ||
    socket.inFlightBytes >= limits.perSocketBytes
      ? 0
      : Math.min(
          limits.perRecipientCount - inFlight.count,
          limits.perSocketCount - socket.inFlightCount - socket.reservedCount,
        )

  /** Counts `item` as handed out; it is encoded by `flush`. */
  function gather(attachment: Attachment, item: QueueItem): void {
    const size = itemBytes(item)
    attachment.fly(item.seq, size)
    attachment.cursor = item.seq
    if (item.seq > attachment.delivered) attachment.delivered = item.seq
    if (attachment.gathered === NOTHING) attachment.gathered = []
    if (attachment.gathered.push(item) === 1) touched.push(attachment)
  }

  function flush(): void {
    send()
    for (const socket of behind) {
      behind.delete(socket)
      pump(socket)
    }
  }

  function send(): void {
    if (touched.length === 0) return
    const sockets = new Set<PushSocket>()
    const due = parts.now()
    for (const attachment of touched) {
      const items = attachment.gathered
      if (!attachment.live || items.length === 0) continue
      attachment.gathered = NOTHING
      attachment.redeliverAt = due + attachment.redeliverStep
      metrics.count.delivered += items.length
      for (const frame of encodeItems(attachment, items)) attachment.socket.queueOut(frame)
      sockets.add(attachment.socket)
    }
    touched.length = 0
    for (const socket of sockets) socket.flushOut()
  }

  /** Keeps a copy for later: a view would keep the whole frame it came in alive. */
  function hold(attachment: Attachment, item: EnvelopeItem): void {
    const { socket, held } = attachment
    const size = heldSize(item)
    if (socket.heldBytes + size > HELD_BYTES || parts.held.bytes + size > ALL_HELD_BYTES) {
      attachment.dropHeld()
      return
    }
    attachment.countHeld(size)
    const { seq, header, slot, body } = item
    const copy = { seq, fact: null, header: header.slice(), slot: slot.slice(), body: body.slice() }
    if (held === NOTHING) attachment.held = [copy]
    else held.push(copy)
  }

  /** Hands out what is held while there is room. */
  function unhold(attachment: Attachment): void {
    const { held } = attachment
    let taken = 0
    for (const item of held) {
      if (item.seq > attachment.cursor) {
        if (roomOf(attachment) <= 0) break
        gather(attachment, item)
      }
      attachment.countHeld(-heldSize(item))
      taken++
    }
    if (taken > 0) attachment.held = taken === held.length ? NOTHING : held.slice(taken)
  }

  async function read(attachment: Attachment, room: number): Promise<void> {
    const { socket } = attachment
    const maxBytes = Math.max(
      1,
      Math.min(
        limits.perRecipientBytes - attachment.inFlight.bytes,
        limits.perSocketBytes - socket.inFlightBytes,
      ),
    )
    const after = attachment.cursor
    attachment.reading = true
    attachment.missed = false
    socket.reservedCount += room
    let page: Page
    try {
      page = await parts.readQueue(attachment, after, room, maxBytes)
    } catch (cause) {
      // The next tick of redelivery, ack or wake tries again.
      parts.log.error('queue.unread', cause)
      return
    } finally {
      attachment.reading = false
      socket.reservedCount -= room
    }
    if (!attachment.live) return
    // A rewind while the read was under way: these rows are not the next ones.
    if (attachment.cursor !== after) return pump(socket)
    const { items, upTo, more } = page
    for (const item of items) gather(attachment, item)
    attachment.readUpTo = upTo
    // Another node's commit between what was read and what was offered meanwhile: that one is not in either.
    const gap = upTo < attachment.heldAfter && upTo < (attachment.held.at(-1)?.seq ?? 0)
    attachment.caughtUp = !attachment.missed && !gap && !more
    if (attachment.caughtUp) unhold(attachment)
    else attachment.dropHeld()
    flush()
    pump(socket)
  }

  function pump(socket: PushSocket): void {
    const { attached } = socket
    if (socket.congested) return
    if (socket.heldBytes > 0) {
      for (const attachment of attached) if (attachment.caughtUp) unhold(attachment)
      flush()
    }
    const behind = attached.reduce((n, a) => n + (a.caughtUp || a.reading ? 0 : 1), 0)
    if (behind === 0) return
    const share = Math.max(
      1,
      Math.floor((limits.perSocketCount - socket.inFlightCount - socket.reservedCount) / behind),
    )
    const first = socket.turn
    for (let i = 0; i < attached.length; i++) {
      const attachment = attached[(first + i) % attached.length]!
      if (attachment.caughtUp || attachment.reading) continue
      const room = Math.min(share, roomOf(attachment))
      if (room <= 0) continue
      socket.turn = (first + i + 1) % attached.length
      void read(attachment, room)
    }
  }

  function wake(attachment: Attachment): void {
    attachment.dropHeld()
    if (!attachment.reading) pump(attachment.socket)
  }

  return {
    held: parts.held,
    offer(attachment, item, after) {
      if (item.seq <= attachment.cursor) return
      attachment.heldAfter = after
      if (attachment.caughtUp && attachment.readUpTo < after) {
        attachment.dropHeld()
        behind.add(attachment.socket)
      } else if (attachment.caughtUp && attachment.held.length === 0 && roomOf(attachment) > 0)
        gather(attachment, item)
      else if (attachment.caughtUp || (attachment.reading && !attachment.missed)) hold(attachment, item)
      else attachment.missed = true
    },
    flush,
    wake,
    pump,
    acked(attachment, upTo) {
      if (upTo <= attachment.acked) return
      attachment.acked = upTo
      const { bytes } = attachment.inFlight
      attachment.release(upTo)
      metrics.count.ackedBytes += bytes - attachment.inFlight.bytes
      // An ack of the round before a rewind: do not read again what is gone.
      if (attachment.cursor < upTo) attachment.cursor = upTo
    },
    rewind(attachment) {
      attachment.release(Number.MAX_SAFE_INTEGER)
      attachment.cursor = attachment.acked
      attachment.dropHeld()
      metrics.count.redelivered++
      pump(attachment.socket)
    },
  }
}
