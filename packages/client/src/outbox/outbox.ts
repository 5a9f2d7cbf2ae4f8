/** Sends what the outbox holds: sealed bytes are stored before they go out, and go out until they are answered. */
import { uuidText } from '@claudemesh/crypto'
import { type AcceptedResult, decodeFrame, type Envelope, encodeFrame, MeshError } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import type { Party } from '../session/party.ts'
import type { OutboxRecipientRow, Owner, RecipientKey, SealingRow } from '../store.ts'
import { applyResult, sealDamagedAgain, type Verdict } from './answered.ts'
import { endMessages } from './end.ts'
import { intoFrames, type Outgoing } from './frames.ts'
import { type Addressed, duePage, Envelopes } from './page.ts'
import { Pairs } from './pairs.ts'
import { type Sealed, sealMessage } from './seal.ts'
import { moveRecipient } from './states.ts'
import { type Target, Targets } from './targets.ts'

/** Key agreements in one go, 1 ms each at most. */
const AGREED_AT_ONCE = 32
const MAX_IN_FLIGHT = 512
/** A recipient without keys, or in doubt, is looked at again this often, and when it is heard of. */
const RETRY_MS = 30_000
const AGAIN_MS = 2_000

export interface OutboxPort {
  /** Some claim is higher than our roster: fetch before sealing on. */
  readonly syncRoster: () => Promise<void>
  readonly attachAgain: (party: Party) => void
  /** Another daemon with the same keys holds this attachment. */
  readonly giveWay: (party: Party) => void
  /** The broker refuses our times, and its clock is not ours. */
  readonly clockWrong: (brokerTime: number) => void
}

export class Outbox {
  readonly #core: Core
  readonly #port: OutboxPort
  readonly pairs: Pairs
  readonly targets: Targets
  readonly #inFlight = new Set<string>()
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
  }

  up(link: Link): void {
    this.#link = link
    this.#halted = false
  }
  down(): void {
    this.#link = null
    this.#resendDue.clear()
    this.#inFlight.clear()
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
    try {
      this.#endOld()
      do {
        this.#again = false
        for (const party of [...this.#core.parties.values()])
          if (party.attachment !== null) await this.#pumpParty(party)
      } while (this.#again && this.#ready())
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      this.#core.log('outbox.stopped', { code: error.code, message: error.message })
      if (this.#ready()) this.#wakeIn(AGAIN_MS)
    } finally {
      this.#pumping = false
    }
    this.#wakeWhenDue()
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
    if (this.#resendDue.delete(party.owner)) this.#resend(party)
    while (this.#ready() && party.attachment !== null && this.#inFlight.size < MAX_IN_FLIGHT) {
      const link = this.#link!
      const now = this.#core.now()
      const { claims } = this.#core
      if (claims.fetchDue) await this.#port.syncRoster()
      if (claims.awaited) return
      const wanted = new Set<RecipientKey>()
      let rows = duePage(this.#core.store.outbox, party.owner, now)
      for (const row of rows) if (!this.targets.get(row.to)) wanted.add(row.to)
      if (wanted.size > 0) {
        if (await this.targets.fetch(link, [...wanted])) await this.#port.syncRoster()
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

  /** A thousand new recipients cost a second: whatever else is due runs in between. */
  async #agreeWithAll(party: Party, rows: readonly OutboxRecipientRow[]): Promise<void> {
    let made = 0
    for (const row of rows) {
      const target = this.targets.get(row.to)
      if (!target || this.pairs.has(party, row.to, target)) continue
      this.#agrees(party, row, target)
      if (++made % AGREED_AT_ONCE === 0) await new Promise<void>(resolve => this.#core.schedule(0, resolve))
    }
  }

  /** What was stored and not answered on this connection: the same bytes under the same id. */
  #resend(party: Party): void {
    const stored = this.#core.store.outbox.unaccepted(party.owner).filter(row => !this.#inFlight.has(row.id))
    const whole: Outgoing[] = []
    this.#core.commit.run(() => {
      for (const row of stored) {
        const envelope = envelopeOf(row)
        if (envelope) whole.push({ id: row.id, bytes: row.bytes!, envelope })
        else sealDamagedAgain(this.#core, row)
      }
    })
    this.#sendAll(whole)
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
    this.#sendAll(sealed)
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

  #sendAll(all: readonly Outgoing[]): void {
    for (const frame of intoFrames(all)) this.#sendFrame(frame)
  }

  #sendFrame(frame: readonly Pick<Sealed, 'id' | 'envelope'>[]): void {
    const link = this.#link
    if (!link) return
    for (const { id } of frame) this.#inFlight.add(id)
    const envelopes = frame.map(one => one.envelope)
    link
      .requestData(ref => encodeFrame({ type: 'send', ref, envelopes }))
      .then(
        reply => this.#answered(link, reply.type === 'accepted' ? reply.results : []),
        error => this.#refused(link, frame, error),
      )
      .catch(error => this.#core.log('outbox.internal', { message: String(error) }))
  }

  #answered(link: Link, results: readonly AcceptedResult[]): void {
    const verdicts = this.#core.commit.run(() =>
      results.map(result => ({ result, verdict: applyResult(this.#core, result) })),
    )
    if (this.#link !== link) return
    let later = false
    for (const { result, verdict } of verdicts) {
      this.#inFlight.delete(uuidText(result.id))
      if (verdict === 'clock' || verdict === 'removed') this.halt()
      if (verdict === 'clock') this.#port.clockWrong(result.at)
      later ||= verdict === 'again' || verdict === 'attach'
    }
    for (const party of this.#partiesOf(verdicts, 'attach')) this.#port.attachAgain(party)
    for (const party of this.#partiesOf(verdicts, 'replaced')) this.#port.giveWay(party)
    if (later) this.#sendAgainIn(AGAIN_MS)
    else void this.pump()
  }

  /** Whose sealings met this verdict. */
  #partiesOf(all: readonly { result: AcceptedResult; verdict: Verdict }[], verdict: Verdict): Set<Party> {
    const { store, parties } = this.#core
    const found = new Set<Party>()
    for (const one of all) {
      if (one.verdict !== verdict) continue
      const sealing = store.outbox.sealing(uuidText(one.result.id))
      const message = sealing && store.outbox.message(sealing.msg)
      const party = message && parties.get(message.owner)
      if (party) found.add(party)
    }
    return found
  }

  /** A whole frame was refused: nothing in it was decided. */
  #refused(link: Link, frame: readonly { id: string }[], error: unknown): void {
    if (this.#link !== link) return
    for (const { id } of frame) this.#inFlight.delete(id)
    const known = error instanceof MeshError ? error : new MeshError('internal', String(error))
    this.#core.log('outbox.frame-refused', { code: known.code, message: known.message })
    this.#sendAgainIn(known.retryAfterMs ?? AGAIN_MS)
  }

  #sendAgainIn(ms: number): void {
    for (const owner of this.#core.parties.keys()) this.#resendDue.add(owner)
    this.#wakeIn(ms)
  }

  #wakeIn(ms: number): void {
    this.#cancel()
    this.#cancel = this.#core.schedule(ms, () => void this.pump())
  }

  #wakeWhenDue(): void {
    if (!this.#ready()) return
    const now = this.#core.now()
    const next = this.#core.store.outbox.nextDueAt(now)
    if (next !== undefined) this.#wakeIn(Math.max(1, next - now))
  }
}

const memberOf = (row: OutboxRecipientRow): string => row.to.split('/')[0]!

/** Nothing where the stored bytes are no such envelope. */
function envelopeOf({ id, bytes }: SealingRow): Envelope | undefined {
  try {
    const frame = decodeFrame(bytes!)
    const envelope = frame.type === 'send' ? frame.envelopes[0] : undefined
    return envelope && uuidText(envelope.header.id) === id ? envelope : undefined
  } catch (error) {
    if (error instanceof MeshError) return undefined
    throw error
  }
}
