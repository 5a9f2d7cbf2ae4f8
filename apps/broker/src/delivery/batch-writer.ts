/** One lane to the database: a commit takes all that waits, neither one row nor a crowd waits for its end, and outcomes follow in order. */
import type { AcceptItem, AcceptOutcome, AckItem, AckOutcome } from '@claudemesh/db'
import { MeshError } from '@claudemesh/protocol'
import type { Clock } from '../clock.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type Span, type Tracing, within } from '../telemetry/tracing.ts'
import type { AckAnswer, SendAnswer } from './answers.ts'
import type { Attachment } from './attachment.ts'
import { FairLines } from './fair-lines.ts'
import type { MeshRecipients } from './mesh-recipients.ts'

/** How long an ack that nobody waits for may wait for company, ms: alone it costs the lane half a commit. */
const RIPEN_MS = 50
/** A commit of this many rows takes them along: there they cost next to nothing. */
const CROWD = 32
/** Deliveries that acks of one commit end beside few envelopes, some 2 µs each: who fetches a backlog makes no commit long for others. */
const ACKED_ROWS = 256
/** Commits under way at most: the database begins the second when it ends the first, and this side reads answers meanwhile. */
const DEPTH = 2
/** Far beyond any lock wait of the database: who has not answered by then may never do. */
const COMMIT_MS = 10_000

/** An envelope on its way to its commit. */
export interface PendingAccept {
  readonly item: AcceptItem
  readonly mesh: MeshRecipients
  readonly answer: SendAnswer
  /** Place of its result in the answer. */
  readonly place: number
  /** What it holds in memory while it waits. */
  readonly bytes: number
  /** ms since 1970. */
  readonly arrived: number
}

/** Acks of one attachment on their way to their commit: one row, whoever waits for it. */
export interface PendingAck {
  readonly attachment: Attachment
  upTo: number
  readonly answers: AckAnswer[]
}

export interface Batch {
  readonly accepts: PendingAccept[]
  readonly acks: PendingAck[]
}
export interface Outcomes {
  readonly accepts: readonly AcceptOutcome[]
  readonly acks: readonly AckOutcome[]
}

export interface BatchWriterParts {
  readonly maxRows: number
  commit(batch: { accepts: AcceptItem[]; acks: AckItem[] }): Promise<Outcomes>
  /** `outcomes` null: the commit failed as a whole and nothing of it may be called a success. */
  committed(batch: Batch, outcomes: Outcomes | null): void
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
  readonly tracing?: Tracing | undefined
}

export class BatchWriter {
  private readonly parts: BatchWriterParts
  private readonly accepts = new FairLines<PendingAccept>()
  private acks = new Map<Attachment, PendingAck>()
  /** Acks that nobody waits for, until a timer, a crowd or one that somebody waits for takes them along. */
  private unripe = new Map<Attachment, PendingAck>()
  /** Stops the timer that ripens them. */
  private ripening: (() => void) | undefined
  /** Envelopes went before the acks that wait. */
  private acksNext = false
  private alone: (() => Promise<void>)[] = []
  private rows = 0
  private bytes = 0
  private flying = 0
  private idlers: (() => void)[] = []

  constructor(parts: BatchWriterParts) {
    this.parts = parts
  }

  /** Rows that wait for a commit. */
  get waiting(): number {
    return this.rows
  }

  /** Bytes of envelopes that wait for a commit. */
  get waitingBytes(): number {
    return this.bytes
  }

  /** Adds an envelope; `kick` starts the lane. */
  accept(pending: PendingAccept): void {
    this.accepts.add(pending)
    this.rows += pending.item.to.length
    this.bytes += pending.bytes
  }

  /** Adds an ack; of several for one attachment the highest is committed. `waited`: somebody needs it soon. */
  ack(attachment: Attachment, upTo: number, answer: AckAnswer, waited: boolean): void {
    const standing = this.acks.get(attachment) ?? this.unripe.get(attachment)
    if (standing === undefined) this.unripe.set(attachment, { attachment, upTo, answers: [answer] })
    else {
      standing.upTo = Math.max(standing.upTo, upTo)
      standing.answers.push(answer)
    }
    if (waited) this.ripen()
    else if (this.unripe.size > 0) this.ripening ??= this.parts.clock.after(RIPEN_MS, () => this.ripen())
  }

  private ripen(): void {
    this.ripening?.()
    this.ripening = undefined
    if (this.unripe.size === 0) return
    for (const [attachment, ack] of this.unripe) this.acks.set(attachment, ack)
    this.rows += this.unripe.size
    this.unripe.clear()
    this.kick()
  }

  /** Runs `work` in the lane while no commit is under way: for what writes to queues by another function. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.alone.push(() => work().then(resolve, reject))
      this.kick()
    })
  }

  /** Starts a commit of all that waits unless one is under way; beside that one only a crowd, or a single row: see `mayJoin`. */
  kick(): void {
    if (this.flying > 0) {
      if (this.flying < DEPTH && this.mayJoin() && this.alone.length === 0) void this.fly(this.take())
      return
    }
    const work = this.alone.shift()
    if (work !== undefined) {
      this.flying = DEPTH
      void work().then(() => this.landed(DEPTH))
      return
    }
    if (this.rows > 0) void this.fly(this.take())
    else for (const wake of this.idlers.splice(0)) wake()
  }

  /**
   * Whether what waits goes beside the commit under way. One row does, and one envelope before acks: waiting would double its time. Two
   * do not: the lane is busier than that already, and rows that wait for each other are the cheaper ones. A crowd fills a commit by itself,
   * unless it is of a few who flood.
   */
  private mayJoin(): boolean {
    if (this.rows === 1 || this.rows - this.acks.size === 1) return true
    return this.rows >= CROWD && !this.accepts.fewFlood
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    return new Promise(resolve => {
      this.idlers.push(resolve)
      this.ripen()
      this.kick()
    })
  }

  private landed(places: number): void {
    this.flying -= places
    this.kick()
  }

  /**
   * All that waits, up to `maxRows`, and then a fair share of each socket; an envelope with more recipients than that goes alone. A few
   * envelopes and acks go apart, by turns: each alone costs less than half of both.
   */
  private take(): Batch {
    if (this.rows >= CROWD) {
      for (const [attachment, ack] of this.unripe) this.acks.set(attachment, ack)
      this.rows += this.unripe.size
      this.unripe.clear()
    }
    const envelopes = this.rows - this.acks.size
    const apart = this.acks.size > 0 && envelopes > 0 && envelopes < CROWD
    const [withAcks, withEnvelopes] = apart ? [this.acksNext, !this.acksNext] : [true, true]
    this.acksNext = apart && !this.acksNext
    const acks = withAcks
      ? this.takeAcks(Math.max(ACKED_ROWS, 4 * Math.min(envelopes, this.parts.maxRows)))
      : []
    const accepts = withEnvelopes ? this.accepts.take(this.parts.maxRows - acks.length) : []
    this.rows -= acks.length
    for (const { item, bytes } of accepts) {
      this.rows -= item.to.length
      this.bytes -= bytes
    }
    return { accepts, acks }
  }

  /** Those first in line whose recipients have at most `room` deliveries under way together, one always. */
  private takeAcks(room: number): PendingAck[] {
    const taken: PendingAck[] = []
    let rows = 0
    for (const [attachment, ack] of this.acks) {
      rows += attachment.inFlight.count
      if (rows > room && taken.length > 0) break
      taken.push(ack)
      this.acks.delete(attachment)
    }
    return taken
  }

  /** A commit that does not answer is not known: its senders hear so instead of nothing, and the lane goes on. */
  private async inTime(batch: Parameters<BatchWriterParts['commit']>[0]): Promise<Outcomes> {
    const late = Promise.withResolvers<never>()
    const stop = this.parts.clock.after(COMMIT_MS, () =>
      late.reject(new MeshError('timeout', 'The commit has no answer.')),
    )
    try {
      return await Promise.race([this.parts.commit(batch), late.promise])
    } finally {
      stop()
    }
  }

  /** A commit belongs to the trace of its first `send`; the others name it. */
  private trace({ accepts, acks }: Batch): Span | undefined {
    const { tracing } = this.parts
    if (tracing === undefined) return undefined
    const [first, ...others] = new Set(accepts.map(({ answer }) => answer.span))
    const span = tracing.start('commit', { accepts: accepts.length, acks: acks.length }, first)
    for (const other of others) other?.link(span)
    return span
  }

  private async fly(batch: Batch): Promise<void> {
    const { parts } = this
    this.flying++
    const began = performance.now()
    let outcomes: Outcomes | null = null
    const span = this.trace(batch)
    try {
      outcomes = await this.inTime({
        accepts: batch.accepts.map(pending => pending.item),
        acks: batch.acks.map(({ attachment: { mesh, recipient, number }, upTo }) => ({
          mesh,
          recipient,
          attachment: number,
          upTo,
        })),
      })
    } catch (cause) {
      within(parts.tracing, span, () =>
        parts.log.error('commit.failed', cause, { accepts: batch.accepts.length, acks: batch.acks.length }),
      )
    }
    span?.end({}, outcomes === null ? 'unavailable' : undefined)
    parts.metrics.batch(batch.accepts.length + batch.acks.length, performance.now() - began)
    // The next commit runs in Postgres while this one's outcomes are told here: its own are told after these.
    this.landed(1)
    const { count } = parts.metrics
    const before = count.delivered
    const push = parts.tracing?.start('push', {}, span)
    parts.committed(batch, outcomes)
    push?.end({ deliveries: count.delivered - before })
    if (batch.accepts.length > 0) parts.metrics.pushed(parts.clock.now() - oldest(batch.accepts))
  }
}

const oldest = (accepts: readonly PendingAccept[]): number =>
  accepts.reduce((least, { arrived }) => Math.min(least, arrived), Number.POSITIVE_INFINITY)
