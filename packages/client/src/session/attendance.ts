/** Keeps every session that is open here attached and its word of itself published, and gives way where another daemon took one over. */
import { recipientKey } from '@claudemesh/crypto'
import { type ErrorCode, MeshError, type Recipient } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { attach, presenceOf } from './attach.ts'
import type { Party } from './party.ts'
import { hearStanding, isSetBack } from './set-back.ts'

/** What says nothing of whether it was done. */
const UNDECIDED: readonly ErrorCode[] = ['unreachable', 'timeout', 'unavailable']

export interface AttendancePort {
  readonly link: () => Link | null
  /** It may send from now on. */
  readonly attached: (party: Party) => void
  readonly problem: (code: string, message: string) => void
  readonly solved: (code: string) => void
}

export class Attendance {
  readonly #core: Core
  readonly #port: AttendancePort
  /** Once a process: what the broker has of us was compared with what our store knows. */
  #comparedOwn = false

  constructor(core: Core, port: AttendancePort) {
    this.#core = core
    this.#port = port
  }

  /** Before the first attach. */
  async compareOwn(link: Link): Promise<void> {
    if (!this.#comparedOwn && (await isSetBack(this.#core, link))) this.#tellSetBack()
    this.#comparedOwn = true
  }

  /** Not where another daemon with the same keys took the attachment: it is not fought on this connection. */
  async attach(party: Party): Promise<void> {
    const link = this.#port.link()
    if (!link || party.replaced) return
    try {
      await attach(this.#core, link, party)
      this.#port.solved(`attach ${party.owner}`)
      this.#port.attached(party)
      // Changed while the attach was on its way.
      if (party.unsaid) await this.publish(party)
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      if (error.code === 'counter') {
        const { again, setBack } = hearStanding(this.#core, party, error)
        if (setBack) this.#tellSetBack()
        if (again) return this.attach(party)
      }
      party.attachment = null
      party.unanswered ||= UNDECIDED.includes(error.code)
      this.#core.log('attach.refused', { owner: party.owner, code: error.code, message: error.message })
      if (error.code !== 'unreachable') this.#port.problem(`attach ${party.owner}`, error.message)
    }
  }

  /** Its mail stays queued at the broker until it is attached again. */
  async close(party: Party): Promise<void> {
    this.#core.parties.delete(party.owner)
    const link = this.#port.link()
    if (link && party.attachment !== null)
      await link
        .request({ type: 'detach', recipient: party.recipient }, 'ok')
        .catch(error => this.#core.log('detach.failed', { owner: party.owner, message: String(error) }))
    party.attachment = null
  }

  /** Publishes what a session says of itself now; while it is not attached, attaching does. What was not taken goes with the next look. */
  async publish(party: Party): Promise<void> {
    const link = this.#port.link()
    if (!link || party.attachment === null) {
      party.unsaid = true
      return
    }
    const record = presenceOf(this.#core, party)
    if (!record) return
    party.unsaid = false
    try {
      await link.request({ type: 'presence', record }, 'ok')
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      party.unsaid ||= UNDECIDED.includes(error.code)
      this.#core.log('presence.refused', { owner: party.owner, code: error.code, message: error.message })
      if (error.code === 'replaced') this.giveWay(party)
    }
  }

  replaced(recipient: Recipient, attachment: number): void {
    for (const party of this.#core.parties.values())
      if (party.key === recipientKey(recipient) && party.attachment === attachment) this.giveWay(party)
  }

  giveWay(party: Party): void {
    party.attachment = null
    if (party.unanswered) {
      // Once for whatever had no answer: a daemon that is there answers with an attach of its own.
      party.unanswered = false
      void this.attach(party)
      return
    }
    party.replaced = true
    this.#port.problem(
      `attach ${party.owner}`,
      'another daemon with the same keys has taken this session over',
    )
  }

  /** The connection ended, and with it every attachment. */
  down(): void {
    for (const party of this.#core.parties.values()) {
      party.attachment = null
      party.replaced = false
    }
  }

  #tellSetBack(): void {
    this.#port.problem(
      'set-back',
      'this home is older than what was sent from it: it was restored from a copy, or another machine uses its keys. What came or went in between may be missing here',
    )
  }
}
