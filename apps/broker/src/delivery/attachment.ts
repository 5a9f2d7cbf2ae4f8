/** One recipient attached on one socket: how far it was pushed, and how far it acked. */
import type { Fact, Recipient } from '@claudemesh/protocol'
import { InFlight, NONE_IN_FLIGHT } from './in-flight.ts'
import { NOTHING } from './nothing.ts'

/** What delivery needs of a socket. */
export interface PushSocket {
  /** Everything attached on it, in the order of attaching. */
  readonly attached: Attachment[]
  /** Unacked on all of it. */
  inFlightCount: number
  inFlightBytes: number
  /** Room given to reads that are under way. */
  reservedCount: number
  /** Bytes held in memory for its attachments. */
  heldBytes: number
  /** Whose turn it is in the round robin. */
  turn: number
  /** True between a `send` that met backpressure and the socket's drain. */
  readonly congested: boolean
  /** Puts a frame behind all others; it goes out with `flushOut`. */
  queueOut(frame: Uint8Array): void
  flushOut(): void
  sendJson(text: string): void
  /** Tells that a newer attachment of this recipient stands elsewhere. */
  tellReplaced(recipient: Recipient, attachment: number): void
}

/** An envelope as one recipient gets it. */
export interface EnvelopeItem {
  readonly seq: number
  readonly fact: null
  readonly header: Uint8Array
  readonly slot: Uint8Array
  readonly body: Uint8Array
}
/** What stands in a queue. */
export type QueueItem = EnvelopeItem | { readonly seq: number; readonly fact: Fact }

/** What all attachments of a broker hold together. */
export interface HeldBytes {
  bytes: number
}

/** Bytes that `item` takes while it is held: a body may be next to nothing, its header is not. */
export const heldSize = ({ header, slot, body }: EnvelopeItem): number =>
  header.length + slot.length + body.length

/** As many in flight are acked at once: a window that is far from full, and the acks of one that takes much are seldom enough. */
const PRESSED_COUNT = 32

export class Attachment {
  readonly mesh: Uint8Array
  readonly recipient: Recipient
  readonly index: string
  readonly number: number
  readonly socket: PushSocket
  private readonly allHeld: HeldBytes
  /** False once it was replaced, detached or its socket closed. */
  live = true
  /** All up to here was handed to the socket in this round, or acked. */
  cursor: number
  /** The highest seq ever handed out on it: no ack may go beyond. */
  delivered: number
  acked: number
  /** All that is committed above `cursor` is in `held`: the database need not be asked. */
  caughtUp = false
  /** The mesh's seq when its queue was read last: what other nodes committed above it is not known here. */
  readUpTo = 0
  /** What was offered last says that nothing was committed elsewhere above this seq. */
  heldAfter = 0
  /** A read of its queue is under way; `missed` says that something was committed meanwhile that `held` lacks. */
  reading = false
  missed = false
  /** Committed, in order, waiting for room in the window or the end of a read. Bounded by `HELD_BYTES` a socket. */
  held: EnvelopeItem[] = NOTHING
  inFlight = NONE_IN_FLIGHT
  /** What this flush hands out; empty between flushes. */
  gathered: QueueItem[] = NOTHING
  /** When unacked items are sent again, ms since 1970, and the wait after that. */
  redeliverAt = 0
  redeliverStep: number

  constructor(of: {
    mesh: Uint8Array
    recipient: Recipient
    index: string
    number: number
    socket: PushSocket
    allHeld: HeldBytes
    acked: number
    redeliverMs: number
  }) {
    this.mesh = of.mesh
    this.recipient = of.recipient
    this.index = of.index
    this.number = of.number
    this.socket = of.socket
    this.allHeld = of.allHeld
    this.acked = of.acked
    this.cursor = of.acked
    this.delivered = of.acked
    this.redeliverStep = of.redeliverMs
  }

  /** More waits for it than its window has let through: an ack makes room. */
  get pressed(): boolean {
    return !this.caughtUp || this.held.length > 0 || this.inFlight.count >= PRESSED_COUNT
  }

  /** Puts an item of this seq and size in flight, bytes. */
  fly(seq: number, size: number): void {
    if (this.inFlight === NONE_IN_FLIGHT) this.inFlight = new InFlight()
    this.inFlight.push(seq, size)
    this.socket.inFlightCount++
    this.socket.inFlightBytes += size
  }

  /** Takes all up to `seq` out of flight. */
  release(seq: number): void {
    const bytes = this.inFlight.bytes
    this.socket.inFlightCount -= this.inFlight.release(seq)
    this.socket.inFlightBytes -= bytes - this.inFlight.bytes
  }

  /** So many bytes more are held, or fewer. */
  countHeld(bytes: number): void {
    this.socket.heldBytes += bytes
    this.allHeld.bytes += bytes
  }

  /** Lets go of what was held: from now on the database has to be asked. */
  dropHeld(): void {
    for (const item of this.held) this.countHeld(-heldSize(item))
    this.held = NOTHING
    this.caughtUp = false
    this.missed = true
  }

  /** Ends it: nothing is pushed any more and its share of the socket's window is free. Idempotent. */
  end(): void {
    this.live = false
    this.gathered = NOTHING
    this.dropHeld()
    this.release(Number.MAX_SAFE_INTEGER)
    const place = this.socket.attached.indexOf(this)
    if (place !== -1) this.socket.attached.splice(place, 1)
  }
}
