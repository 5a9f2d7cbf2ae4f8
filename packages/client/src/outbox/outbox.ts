/** Sends what the outbox holds: sealed bytes are stored before they go out, and go out until they are answered. */
import { MeshError } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import type { Party } from '../session/party.ts'
import type { OutboxRecipientRow, Owner, RecipientKey } from '../store.ts'
import { AgreementThread } from './agreement-thread.ts'
import { endMessages } from './end.ts'
import { type Addressed, duePage, Envelopes } from './page.ts'
import { Pairs } from './pairs.ts'
import { type Sealed, sealMessage } from './seal.ts'
import { moveRecipient } from './states.ts'
import { type Target, Targets } from './targets.ts'
import { Transmit, type TransmitPort } from './transmit.ts'

/** Key agreements in one go, 1 ms each at most. */
const AGREED_AT_ONCE = 32
/** As many new recipients or more are agreed with on two threads. */
const CROWD = 64
/** Whoever is through does not wait longer for the other thread's last share. */
const ASIDE_MS = 250
/** A recipient without keys, or in doubt, is looked at again this often, and when it is heard of. */
const RETRY_MS = 30_000
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
  readonly #thread = new AgreementThread()
  #link: Link | null = null
  #pumping = false
  #again = false
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
      this.#thread.end()
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
          this.#agreeWithAll(
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
      await this.#agreeWithAll(party, rows)
      if (this.#link !== link || !this.#ready() || party.attachment === null) return
      this.#sealPage(party, rows)
    }
  }

  /** A thousand new recipients cost a second: whatever else is due runs in between, and a crowd is shared with another thread. */
  async #agreeWithAll(party: Party, rows: readonly OutboxRecipientRow[]): Promise<void> {
    const open = rows.flatMap(row => {
      const target = this.targets.get(row.to)
      return !target || this.pairs.has(party, row.to, target) ? [] : [{ row, target }]
    })
    const aside = open.length >= CROWD ? this.#agreeAside(party, open) : undefined
    for (let made = 1, next = open.shift(); next; made++, next = open.shift()) {
      this.#agrees(party, next.row, next.target)
      if (made % AGREED_AT_ONCE === 0) await this.#inMs(0)
    }
    if (aside && (await Promise.race([aside, this.#inMs(ASIDE_MS).then(() => 'late')])) === 'late')
      this.#thread.end()
  }

  #inMs(ms: number): Promise<void> {
    return new Promise(resolve => void this.#core.schedule(ms, resolve))
  }

  /** Takes from the end of `open` while there is a share for both. What comes to nothing is agreed on when it is sealed. */
  async #agreeAside(party: Party, open: { row: OutboxRecipientRow; target: Target }[]): Promise<void> {
    while (open.length > AGREED_AT_ONCE) {
      const part = open.splice(-AGREED_AT_ONCE)
      const agreed = await this.#thread.agree(part.map(({ target }) => this.pairs.task(party, target)))
      if (!agreed) return
      for (const [i, { row, target }] of part.entries()) {
        const one = agreed[i]
        if (one && !this.pairs.has(party, row.to, target)) this.pairs.keep(party, row.to, target, one)
      }
    }
  }

  #sealPage(party: Party, rows: readonly OutboxRecipientRow[]): void {
    const { commit, claims } = this.#core
    const sealed: Sealed[] = []
    commit.run(() => {
      const envelopes = new Envelopes()
      for (const row of rows) {
        const target = this.targets.get(row.to)
        const doubted = claims.doubts(memberOf(row))
        if (!target || doubted || !this.#agrees(party, row, target)) {
          this.#putOff(row, doubted ? 'roster-unproven' : 'no-keys')
          continue
        }
        envelopes.add({ row, target })
      }
      const floors = new Map<string, number>()
      for (const group of envelopes.all) {
        const one = this.#sealOne(party, group, floors)
        if (one) sealed.push(one)
      }
    })
    for (const one of sealed)
      for (const [to, pair] of one.pairs) if (!pair.known) this.pairs.travelled(one.id, to, pair)
    this.#transmit.send(sealed)
  }

  /** A prekey may be signed and yet be no key: that concerns its owner alone, and no other recipient of the message. */
  #agrees(party: Party, row: OutboxRecipientRow, target: Target): boolean {
    try {
      this.pairs.of(party, row.to, target)
      return true
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      this.#core.log('prekey.refused', { key: row.to, code: error.code, message: error.message })
      this.targets.forget(row.to)
      return false
    }
  }

  /** Nothing to seal to now: ended where that is known for good, else looked at again. */
  #putOff(row: OutboxRecipientRow, why: string): void {
    const { keeper, store, now } = this.#core
    const at = now()
    if (keeper.roster.removed.has(memberOf(row)))
      moveRecipient(this.#core, row, { state: 'removed', why: 'removed', at, by: 'me', verified: true })
    else if (this.targets.isAbsent(row.to))
      moveRecipient(this.#core, row, { state: 'unknown', why: 'no-keys', at, by: 'broker', verified: false })
    else if (row.why === why) store.outbox.updateRecipient({ ...row, dueAt: at + RETRY_MS })
    else
      moveRecipient(this.#core, row, {
        state: 'pending',
        why,
        at,
        by: 'me',
        verified: true,
        dueAt: at + RETRY_MS,
      })
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
      if (message.endsAt === null) store.outbox.updateMessage({ ...message, endsAt: one.endsAt })
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

const memberOf = (row: OutboxRecipientRow): string => row.to.split('/')[0]!
