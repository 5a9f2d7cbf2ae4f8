/** Sends what the outbox holds: sealed bytes are stored before they go out, and go out until they are answered. */
import { MeshError } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import type { Party } from '../session/party.ts'
import type { OutboxRecipientRow, Owner, RecipientKey } from '../store.ts'
import { Agreements } from './agreements.ts'
import type { Draft } from './compose.ts'
import { endMessages } from './end.ts'
import { Fresh } from './fresh.ts'
import { type Addressed, duePage, Envelopes, PAGE_ENVELOPES } from './page.ts'
import { Pairs } from './pairs.ts'
import { memberOf, putOff } from './put-off.ts'
import { type Sealed, sealMessage } from './seal.ts'
import { moveRecipient } from './states.ts'
import { Targets } from './targets.ts'
import { Transmit, type TransmitPort } from './transmit.ts'

const AGAIN_MS = 2_000

export interface OutboxPort extends Pick<TransmitPort, 'attachAgain' | 'giveWay' | 'clockWrong'> {
  /** Some claim is higher than our roster: fetch before sealing on. */
  readonly syncRoster: () => Promise<void>
}

export class Outbox {
  readonly #core: Core
  readonly #port: OutboxPort
  readonly pairs: Pairs
  readonly targets: Targets
  readonly #transmit: Transmit
  readonly #agreements: Agreements
  readonly #fresh: Fresh
  #link: Link | null = null
  #pumping = false
  #again = false
  /** It stands in the store; nothing of it has gone out yet. */
  #made: Sealed[] = []
  /** All that was due then was sealed or looked at; `null` where `pump` is to look. */
  #lookedAt: number | null = null
  /** Owners whose stored, unanswered sealings are to go out on this connection. */
  readonly #resendDue = new Set<Owner>()
  #halted = false
  #endAgainAt = 0
  #cancel: () => void = () => {}

  constructor(core: Core, port: OutboxPort) {
    this.#core = core
    this.#port = port
    this.pairs = new Pairs(core.identity.mesh, core.now)
    this.targets = new Targets(core)
    this.#agreements = new Agreements(core, this)
    const { pairs, targets } = this
    this.#fresh = new Fresh(core, { pairs, targets, maySeal: party => this.#maySeal(party) })
    this.#transmit = new Transmit(core, {
      attachAgain: port.attachAgain,
      giveWay: port.giveWay,
      clockWrong: port.clockWrong,
      halt: () => this.halt(),
      sendAgainIn: ms => this.#sendAgainIn(ms),
      goOn: () => void this.pump(),
    })
  }

  up(link: Link): void {
    this.#link = link
    this.#transmit.up(link)
    this.#halted = false
  }
  down(): void {
    this.#link = null
    this.#fresh.take()
    this.#resendDue.clear()
    this.#transmit.down()
    this.#cancel()
  }
  /** Seals and sends nothing until `resume` or the next connection. */
  halt(): void {
    this.#halted = true
  }
  resume(): void {
    this.#halted = false
    for (const owner of this.#core.parties.keys()) this.#resendDue.add(owner)
  }
  /** This owner may send from now on. */
  attached(owner: Owner): void {
    this.#resendDue.add(owner)
  }

  /** Inside `commit.run`: a message, sealed at once where it needs nothing but what is at hand. Answers its `msg`; `goOn` sends it. */
  write(draft: Draft): string {
    return this.#fresh.write(draft)
  }

  #maySeal({ owner, attachment }: Party): boolean {
    const { fetchDue, awaited } = this.#core.claims
    if (!this.#ready() || this.#pumping || attachment === null || fetchDue || awaited) return false
    return !this.#resendDue.has(owner) && this.#transmit.hasRoom
  }

  /** Inside `commit.run`: seals what needs nothing but what is at hand. Once that stands, `goOn` sends it and does the rest. */
  seal(): void {
    const made: Sealed[] = []
    const now = this.#core.now()
    const isAll = this.#sealAll(now, made)
    this.#core.commit.stands(() => {
      this.#made.push(...made)
      this.#lookedAt = isAll ? now : null
    })
  }

  /** True when nothing due is left. */
  #sealAll(now: number, made: Sealed[]): boolean {
    if (!this.#ready() || this.#pumping) return false
    const parties = [...this.#core.parties.values()].filter(({ attachment }) => attachment !== null)
    return parties.map(party => this.#sealAtHand(party, now, made)).every(Boolean)
  }

  /** True when nothing due is left of this party. */
  #sealAtHand(party: Party, now: number, made: Sealed[]): boolean {
    const { store, prekeys } = this.#core
    if (!this.#maySeal(party)) return false
    const rows = duePage(store.outbox, party.owner, now)
    if (rows.length === 0) return true
    const isAtHand = ({ to }: OutboxRecipientRow) => {
      const target = this.targets.get(to)
      return target !== undefined && this.pairs.has(party, to, target)
    }
    // A prekey is made in a transaction of its own.
    if (prekeys.isDue(party, now) || !rows.every(isAtHand)) return false
    made.push(...this.#sealRows(party, rows))
    return rows.length < PAGE_ENVELOPES
  }

  /** Sends what `seal` made, and whatever else may go out now. Never throws. */
  async goOn(): Promise<void> {
    const [made, lookedAt] = [this.#made, this.#lookedAt]
    this.#made = []
    this.#send([...this.#fresh.take(), ...made])
    if (lookedAt === null) return this.pump()
    this.#endOld()
    this.#wakeWhenDue(lookedAt)
  }

  /** Sends whatever may go out now. Called for every reason to look again; never throws. */
  async pump(): Promise<void> {
    if (!this.#ready()) return
    if (this.#pumping) {
      this.#again = true
      return
    }
    this.#pumping = true
    let since = 0
    try {
      this.#endOld()
      do {
        this.#again = false
        since = this.#core.now()
        for (const party of [...this.#core.parties.values()])
          if (party.attachment !== null) await this.#pumpParty(party)
      } while (this.#again && this.#ready())
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      this.#core.log('outbox.stopped', { code: error.code, message: error.message })
      if (this.#ready()) this.#wakeIn(AGAIN_MS)
      return
    } finally {
      this.#pumping = false
    }
    this.#wakeWhenDue(since)
  }

  /** Looked for once a second at most: it is no part of the hot path. */
  #endOld(): void {
    const now = this.#core.now()
    if (now < this.#endAgainAt) return
    this.#endAgainAt = now + 1_000
    endMessages(this.#core, now)
  }

  #ready(): boolean {
    return this.#link !== null && !this.#halted
  }

  async #pumpParty(party: Party): Promise<void> {
    if (this.#resendDue.delete(party.owner)) this.#transmit.resend(party.owner)
    while (this.#ready() && party.attachment !== null && this.#transmit.hasRoom) {
      const link = this.#link!
      const now = this.#core.now()
      const { claims } = this.#core
      if (claims.fetchDue) await this.#port.syncRoster()
      if (claims.awaited) return
      const wanted = new Set<RecipientKey>()
      let rows = duePage(this.#core.store.outbox, party.owner, now)
      for (const row of rows) if (!this.targets.get(row.to)) wanted.add(row.to)
      if (wanted.size > 0) {
        const agree = (taken: ReadonlySet<RecipientKey>) =>
          this.#agreements.withAll(
            party,
            rows.filter(({ to }) => taken.has(to)),
          )
        if (await this.targets.fetch(link, [...wanted], agree)) await this.#port.syncRoster()
        if (this.#link !== link || !this.#ready()) return
        // Nobody asked yet for the keys of what was written meanwhile: the next turn does.
        rows = duePage(this.#core.store.outbox, party.owner, now).filter(
          ({ to }) => wanted.has(to) || this.targets.get(to) !== undefined,
        )
        if (rows.length === 0) continue
      }
      if (rows.length === 0) return
      await this.#agreements.withAll(party, rows)
      if (this.#link !== link || !this.#ready() || party.attachment === null) return
      this.#sealPage(party, rows)
    }
  }

  #sealPage(party: Party, rows: readonly OutboxRecipientRow[]): void {
    this.#send(this.#core.commit.run(() => this.#sealRows(party, rows)))
  }

  /** Inside `commit.run`. */
  #sealRows(party: Party, rows: readonly OutboxRecipientRow[]): Sealed[] {
    const { claims } = this.#core
    const envelopes = new Envelopes()
    for (const row of rows) {
      const target = this.targets.get(row.to)
      const doubted = claims.doubts(memberOf(row))
      if (!target || doubted || !this.#agreements.agrees(party, row, target)) {
        putOff(this.#core, this.targets, row, doubted ? 'roster-unproven' : 'no-keys')
        continue
      }
      envelopes.add({ row, target })
    }
    const floors = new Map<string, number>()
    return envelopes.all.flatMap(group => this.#sealOne(party, group, floors) ?? [])
  }

  /** Once they stand in the store. */
  #send(sealed: readonly Sealed[]): void {
    for (const one of sealed)
      for (const [to, pair] of one.pairs) if (!pair.known) this.pairs.travelled(one.id, to, pair)
    this.#transmit.send(sealed)
  }

  #sealOne(party: Party, rows: readonly Addressed[], floors: Map<string, number>): Sealed | undefined {
    const { store, now } = this.#core
    const { msg } = rows[0]!.row
    const message = store.outbox.message(msg)
    if (!message) return undefined
    try {
      const one = sealMessage(this.#core, { message, party, rows, pairs: this.pairs, floors })
      const { id, sentAt, bytes, toHash } = one
      store.outbox.addSealing(
        { id, msg, sentAt, state: 'sealed', bytes, toHash, seq: 0, auditIndex: 0, acceptedAt: 0 },
        one.to,
      )
      if (message.endsAt === null) store.outbox.setEnd(msg, one.endsAt)
      for (const { row } of rows)
        store.outbox.updateRecipient({ ...row, state: 'sealed', why: null, at: sentAt })
      return one
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      const state = error.code === 'expired' ? 'expired' : 'failed'
      const why = message.payload === null ? 'damaged' : error.code
      for (const { row } of rows)
        moveRecipient(this.#core, row, { state, why, at: now(), by: 'me', verified: true })
      // What is given up holds back no floor any more.
      floors.clear()
      return undefined
    }
  }

  #sendAgainIn(ms = AGAIN_MS): void {
    for (const owner of this.#core.parties.keys()) this.#resendDue.add(owner)
    this.#wakeIn(ms)
  }

  #wakeIn(ms: number): void {
    this.#cancel()
    this.#cancel = this.#core.schedule(ms, () => void this.pump())
  }

  /** `since`: all that was due then was looked at; what became due meanwhile was not. */
  #wakeWhenDue(since: number): void {
    if (!this.#ready()) return
    const next = this.#core.store.outbox.nextDueAt(since)
    if (next !== undefined) this.#wakeIn(Math.max(1, next - this.#core.now()))
  }
}
