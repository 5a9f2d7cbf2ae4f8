/** Takes what the broker delivers: opened, checked and stored in one transaction, and only then acked. */
import { recipientKey } from '@claudemesh/crypto'
import {
  type DataFrame,
  type DeliverFrame,
  type Delivery,
  encodeFrame,
  type FactFrame,
  parseAs,
  textPayload,
  toBase64url,
} from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { applyFact } from '../outbox/end.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { applyReceipt } from '../receipts/apply.ts'
import type { Party } from '../session/party.ts'
import { AnswerPace } from './answers.ts'
import { type Opened, Opener, type Opening, type Refused } from './open.ts'
import { storeMessage } from './store-message.ts'

/** Openers kept of one sender under one prekey. */
const OPENERS_KEPT = 4
const UNOPENED_KEPT = 1_000
/** Deliveries of one transaction: what came while the last one was written is taken together. */
const BATCH = 256
/** So many are a crowd: their receipt costs them next to nothing. The receipt of a few follows when they are shown. */
const CROWD = 4

type QueueFrame = DeliverFrame | FactFrame
interface Arrived {
  readonly link: Link
  readonly frame: QueueFrame
}

interface Ack {
  readonly link: Link
  readonly recipient: QueueFrame['recipient']
  readonly attachment: number
  readonly upTo: number
}
interface Stored {
  readonly acks: readonly Ack[]
  /** Some sender knows a longer roster. */
  readonly behind: boolean
}

export interface InboxPort {
  /** Somebody's claim or membership is ahead of our roster. */
  readonly syncRoster: () => Promise<void>
  /** Receipts, and whatever else is to be sent of this, are written in the same transaction, and go out once that stands. */
  readonly flush: () => void
  /** They are written in one of their own, behind what somebody waits for. */
  readonly flushAside: () => void
  /** Some heads of the log were heard of. */
  readonly heard: () => void
  /** What arrived could not be stored. */
  readonly unwritten: (error: unknown) => void
}

export class Inbox {
  readonly #core: Core
  readonly #outbox: Outbox
  readonly #port: InboxPort
  #opener: Opener
  readonly #pace = new AnswerPace()
  /** What stops the wait for answers that are due at a time. */
  readonly #rings = new Map<number, () => void>()
  readonly #arrived: Arrived[] = []
  #working: Promise<void> | null = null

  constructor(core: Core, outbox: Outbox, port: InboxPort) {
    this.#core = core
    this.#outbox = outbox
    this.#port = port
    this.#opener = new Opener(core)
  }

  /** Frames are handled one after the other, in the order they came. */
  take(link: Link, frame: DataFrame): void {
    if (frame.type !== 'deliver' && frame.type !== 'fact') return
    this.#arrived.push({ link, frame })
    if (Math.max(this.#arrived.length, itemsOf(frame)) >= CROWD) this.#port.flush()
    this.#working ??= this.#work()
  }

  /** What was derived from these prekeys goes with their secrets. */
  forgetPairs(prekeys: readonly Uint8Array[]): void {
    this.#opener.forgetPairs(prekeys)
  }

  /** What was not stored yet is delivered again on the next connection. */
  down(): void {
    this.#arrived.length = 0
  }

  /** Resolves when all that came is stored. */
  async settled(): Promise<void> {
    await this.#working
  }

  /** Nothing is begun by itself any more. */
  stop(): void {
    for (const cancel of this.#rings.values()) cancel()
    this.#rings.clear()
  }

  async #work(): Promise<void> {
    while (this.#arrived.length > 0) {
      let batch: Arrived[] = []
      try {
        const stored = await this.#storeSoon(() => {
          if (batch.length === 0) batch = this.#nextBatch()
          return this.#hasStrangers(batch) ? undefined : this.#store(batch)
        })
        if (stored) this.#acknowledge(stored)
        else {
          await this.#port.syncRoster()
          this.#acknowledge(await this.#storeSoon(() => this.#store(batch)))
        }
      } catch (error) {
        // Nothing of it was acked: it comes again on the next connection.
        this.#forgetUnstored()
        this.#core.log('inbox.failed', { message: String(error) })
        this.#port.unwritten(error)
        this.#arrived.length = 0
        batch[0]?.link.close()
      }
    }
    // At once: what came before a promise told of the end would wait for the next frame.
    this.#working = null
  }

  /** With whatever else this turn brings; tried again alone where that failed. */
  #storeSoon<T>(work: () => T): Promise<T> {
    let isFirst = true
    return this.#core.group.soon(() => {
      if (!isFirst) this.#forgetUnstored()
      isFirst = false
      return work()
    })
  }

  /** What memory took for stored. */
  #forgetUnstored(): void {
    this.#opener = new Opener(this.#core)
    this.#outbox.targets.rolledBack()
  }

  #nextBatch(): Arrived[] {
    const batch: Arrived[] = []
    let count = 0
    while (this.#arrived.length > 0 && count < BATCH) {
      const next = this.#arrived.shift()!
      batch.push(next)
      count += itemsOf(next.frame)
    }
    return batch
  }

  /** A sender we do not know may have joined since, and who is said to be removed been so: the roster is looked at first. */
  #hasStrangers(batch: readonly Arrived[]): boolean {
    const { members, removed } = this.#core.keeper.roster
    return batch.some(({ frame }) =>
      frame.type === 'deliver'
        ? frame.deliveries.some(({ envelope }) => {
            const key = toBase64url(envelope.header.from.member)
            return !members.has(key) && !removed.has(key)
          })
        : frame.facts.some(
            ({ fact }) => fact.kind === 'dropped' && !removed.has(toBase64url(fact.to.member)),
          ),
    )
  }

  /** Inside `commit.run`. */
  #store(batch: readonly Arrived[]): Stored {
    const acks = new Map<string, Ack>()
    const at = this.#core.now()
    let behind = false
    for (const { link, frame } of batch) {
      const party = this.#partyOf(frame)
      if (!party) continue
      const items = frame.type === 'deliver' ? frame.deliveries : frame.facts
      for (const item of items) {
        if ('fact' in item) applyFact(this.#core, item.fact)
        else behind = this.#take(party, item, at) || behind
      }
      const { recipient, attachment } = frame
      const upTo = Math.max(...items.map(item => item.seq))
      this.#core.prekeys.taken(party.owner, upTo)
      const name = `${recipientKey(recipient)}#${attachment}`
      acks.set(name, { link, recipient, attachment, upTo: Math.max(upTo, acks.get(name)?.upTo ?? 0) })
    }
    return { acks: [...acks.values()], behind }
  }

  /** Once that transaction stands. */
  #acknowledge({ acks, behind }: Stored): void {
    this.#port.flushAside()
    for (const { link, ...ack } of acks) link.sendData(encodeFrame({ type: 'ack', ref: 0, acks: [ack] }))
    if (behind)
      this.#port.syncRoster().catch(error => this.#core.log('roster.sync-failed', { message: String(error) }))
    this.#port.heard()
  }

  #partyOf(frame: QueueFrame): Party | undefined {
    const key = recipientKey(frame.recipient)
    for (const party of this.#core.parties.values()) if (party.key === key) return party
    return undefined
  }

  /** True when its sender knows a longer roster. `at`: of the batch it came in. */
  #take(party: Party, delivery: Delivery, at: number): boolean {
    const opening: Opening = this.#opener.open(party, delivery.envelope)
    if ('refused' in opening) {
      this.#keep(party, delivery, opening.refused, at)
      return false
    }
    const { ok: opened } = opening
    const { store } = this.#core
    const { plaintext } = opened.content
    if (plaintext.kind === 'text' && !parseAs(textPayload, plaintext.payload).success) {
      const { id, fromKey, envelope } = opened
      this.#keep(party, delivery, { id, fromKey, envelope, answer: 'refused', reason: 'payload' }, at)
      return false
    }
    this.#pace.opened(opened.fromKey)
    if (opened.opener) store.openers.put(opened.opener, OPENERS_KEPT)
    this.#outbox.targets.outdate(opened.fromKey, plaintext.prekey.n)
    if (plaintext.kind === 'receipt') applyReceipt(this.#core, this.#outbox, party, opened)
    else storeMessage(this.#core, party.owner, opened)
    return this.#claims(opened)
  }

  /** What the sender says of the roster; true when that calls for a fetch. */
  #claims({ certificate, from, envelope, content }: Opened): boolean {
    const { claims } = this.#core
    const { roster, checkpoint } = content.plaintext
    const { sentAt } = envelope.header
    const heard = [claims.hear(from.member, roster, sentAt)]
    if (certificate) {
      const claim = { seq: certificate.rosterSeq, head: certificate.rosterHead }
      heard.push(claims.hear(from.member, claim, certificate.notBefore))
    }
    if (checkpoint !== null) {
      heard.push(claims.hearCheckpoint(checkpoint))
      this.#core.audit.hear(from.member, checkpoint)
    }
    return heard.includes(true)
  }

  /** Kept, answered when its sender can be told anything, and never shown. */
  #keep(party: Party, delivery: Delivery, refused: Refused, at: number): void {
    const { id, fromKey, envelope, answer, reason } = refused
    const { store, log } = this.#core
    const deliveries = [{ seq: delivery.seq, envelope }]
    const bytes = encodeFrame({ type: 'deliver', recipient: party.recipient, attachment: 0, deliveries })
    log('inbox.unopened', { owner: party.owner, from: fromKey, id, reason })
    store.inbox.keepUnopened({ owner: party.owner, id, from: fromKey, reason, bytes, at }, UNOPENED_KEPT)
    if (answer === null) return
    const why = answer === 'refused' ? reason : ''
    const slot = this.#pace.dueAt(fromKey, at)
    const dueAt = slot <= at ? 0 : slot
    store.receipts.queue([{ owner: party.owner, to: fromKey, state: answer, why, id, msg: null, at, dueAt }])
    if (dueAt > 0 && !this.#rings.has(dueAt)) this.#ring(dueAt)
  }

  /** Answers go out when they are due, at `dueAt` (ms since 1970). */
  #ring(dueAt: number): void {
    const { now, schedule } = this.#core
    const wait = dueAt - now()
    if (wait > 0)
      this.#rings.set(
        dueAt,
        schedule(wait, () => this.#ring(dueAt)),
      )
    else {
      this.#rings.delete(dueAt)
      this.#port.flush()
    }
  }
}

const itemsOf = (frame: QueueFrame): number =>
  frame.type === 'deliver' ? frame.deliveries.length : frame.facts.length
