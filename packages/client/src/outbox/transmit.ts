/** What is on its way to the broker: envelopes whose bytes are stored go out in frames, and stand until their answer is written down. */
import { uuidText } from '@claudemesh/crypto'
import { type AcceptedResult, decodeFrame, type Envelope, encodeFrame, MeshError } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import type { Party } from '../session/party.ts'
import type { Owner, SealingRow } from '../store.ts'
import { applyResult, sealDamagedAgain, type Verdict } from './answered.ts'
import { intoFrames, type Outgoing } from './frames.ts'

const MAX_IN_FLIGHT = 512

export interface TransmitPort {
  readonly attachAgain: (party: Party) => void
  /** Another daemon with the same keys holds this attachment. */
  readonly giveWay: (party: Party) => void
  /** The broker refuses our times, and its clock is not ours. */
  readonly clockWrong: (brokerTime: number) => void
  /** Nothing is to be sealed or sent. */
  readonly halt: () => void
  /** Stored and unanswered bytes are to go out again after `ms`; left out, after a moment. */
  readonly sendAgainIn: (ms?: number) => void
  /** There is room for more. */
  readonly goOn: () => void
}

export class Transmit {
  readonly #core: Core
  readonly #port: TransmitPort
  /** Ids that were sent on this connection and not answered. */
  readonly #inFlight = new Set<string>()
  #link: Link | null = null

  constructor(core: Core, port: TransmitPort) {
    this.#core = core
    this.#port = port
  }

  up(link: Link): void {
    this.#link = link
  }
  down(): void {
    this.#link = null
    this.#inFlight.clear()
  }

  get hasRoom(): boolean {
    return this.#inFlight.size < MAX_IN_FLIGHT
  }

  /** What was stored and not answered on this connection: the same bytes under the same id. */
  resend(owner: Owner): void {
    const stored = this.#core.store.outbox.unaccepted(owner).filter(row => !this.#inFlight.has(row.id))
    const whole: Outgoing[] = []
    const damaged: SealingRow[] = []
    for (const row of stored) {
      const envelope = envelopeOf(row)
      if (envelope) whole.push({ id: row.id, bytes: row.bytes!, envelope })
      else damaged.push(row)
    }
    if (damaged.length > 0)
      this.#core.commit.run(() => {
        for (const row of damaged) sealDamagedAgain(this.#core, row)
      })
    this.send(whole)
  }

  send(all: readonly Outgoing[]): void {
    for (const frame of intoFrames(all)) this.#sendFrame(frame)
  }

  #sendFrame(frame: readonly Pick<Outgoing, 'id' | 'envelope'>[]): void {
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

  async #answered(link: Link, results: readonly AcceptedResult[]): Promise<void> {
    const apply = () => results.map(result => ({ result, verdict: applyResult(this.#core, result) }))
    const { group } = this.#core
    const verdicts = await (this.#isPressing(results) ? group.soon(apply) : group.aside(apply))
    if (this.#link !== link) return
    let later = false
    // Whatever waited for room goes on, and so does what is to be sealed again.
    const goesOn = !this.hasRoom || results.some(({ error }) => error !== null)
    for (const { result, verdict } of verdicts) {
      this.#inFlight.delete(uuidText(result.id))
      if (verdict === 'clock' || verdict === 'removed') this.#port.halt()
      if (verdict === 'clock') this.#port.clockWrong(result.at)
      later ||= verdict === 'again' || verdict === 'attach'
    }
    for (const party of this.#partiesOf(verdicts, 'attach')) this.#port.attachAgain(party)
    for (const party of this.#partiesOf(verdicts, 'replaced')) this.#port.giveWay(party)
    if (later) this.#port.sendAgainIn()
    else if (goesOn) this.#port.goOn()
  }

  /** Somebody waits for it, or something is to be done about it. */
  #isPressing(results: readonly AcceptedResult[]): boolean {
    const { awaited, store } = this.#core
    return results.some(
      ({ id, error, recipients }) =>
        error !== null ||
        recipients.some(named => named !== 'queued') ||
        (awaited.size > 0 && awaited.has(store.outbox.sealing(uuidText(id))?.msg ?? '')),
    )
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
    this.#port.sendAgainIn(known.retryAfterMs)
  }
}

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
