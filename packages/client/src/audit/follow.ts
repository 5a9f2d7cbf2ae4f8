/** Follows the broker's audit log from head to head, each proven to begin the next, and holds it against what peers were shown. */
import { type Checkpoint, verifyConsistency } from '@claudemesh/crypto'
import { equalBytes, MeshError, TIMES } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { memberName } from '../roster/names.ts'
import { type AcceptedProof, proveAccepted } from './accepted.ts'
import { auditBroken, type HeardHead } from './heads.ts'
import { followRestore, newestRestore } from './restored.ts'

export interface AuditPort {
  readonly link: () => Link | null
  /** Everything stops until a person has looked. */
  readonly halt: (error: MeshError) => void
  readonly problem: (code: string, message: string) => void
}

export class AuditFollower {
  readonly #core: Core
  readonly #port: AuditPort
  #turn: Promise<void> = Promise.resolve()
  /** The connection whose head was followed from ours: before that, what it tells waits. */
  #followed: Link | null = null
  #missed: string | null = null

  constructor(core: Core, port: AuditPort) {
    this.#core = core
    this.#port = port
  }

  /** On every connection, once the roster is the broker's. Throws `integrity` for a log that does not go on from the pinned head. */
  async up(link: Link): Promise<void> {
    const { audit } = this.#core
    const restore = newestRestore(this.#core)
    if (restore) followRestore(this.#core, restore)
    const { checkpoint: note } = link.welcome
    const { pinned } = audit
    if (note === null && pinned)
      throw auditBroken(`the broker shows no log, and signed one of ${pinned.checkpoint.size} leaves before`)
    if (note !== null) {
      const shown = this.#openOwn(note)
      if (pinned && shown.size < pinned.checkpoint.size)
        throw auditBroken(
          `the broker's log is shorter than the one it signed before (${shown.size} leaves, not ${pinned.checkpoint.size}): its tail was cut, or its database restored`,
          { size: shown.size, pinned: pinned.checkpoint.size },
        )
      await this.#reach(link, note, shown)
    }
    await this.#settle(link)
    this.#followed = link
    if (this.#missed !== null) this.told(this.#missed)
  }

  /** The broker told a new head. */
  told(note: string): void {
    // It may come before `up`, and be newer than the head of `welcome`.
    this.#missed = note
    if (this.#followed !== this.#port.link()) return
    this.#missed = null
    this.#queue(link => this.#reach(link, note, this.#openOwn(note)))
  }

  /** Proofs of what was accepted of a message. Throws `integrity`, after which everything is halted; `unreachable`. */
  async prove(msg: string): Promise<AcceptedProof[]> {
    const link = this.#port.link()
    if (!link) throw new MeshError('unreachable', 'there is no connection to the broker')
    try {
      return await proveAccepted(this.#core, link, msg)
    } catch (error) {
      if (error instanceof MeshError && error.code === 'integrity') this.#port.halt(error)
      throw error
    }
  }

  /** Peers may have shown heads that are not proven yet. */
  heard(): void {
    if (this.#core.audit.heard.length > 0) this.#queue(link => this.#settle(link))
  }

  /** We were connected for so much longer. */
  waited(ms: number): void {
    const { audit } = this.#core
    if (audit.heard.length === 0) return
    audit.waited(ms)
    this.#queue(link => this.#settle(link))
  }

  #queue(work: (link: Link) => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      const link = this.#port.link()
      if (!link || link !== this.#followed) return
      try {
        await work(link)
      } catch (error) {
        if (!(error instanceof MeshError)) throw error
        if (error.code === 'integrity') this.#port.halt(error)
        else this.#core.log('audit.not-followed', { code: error.code, message: error.message })
      }
    })
  }

  #openOwn(note: string): Checkpoint {
    try {
      return this.#core.audit.open(note)
    } catch (cause) {
      throw auditBroken('the broker shows a checkpoint that its key did not sign', { cause: String(cause) })
    }
  }

  /** Pins a head of the broker's own, longer or as long as ours; an older one must begin ours. */
  async #reach(link: Link, note: string, shown: Checkpoint): Promise<void> {
    const { audit } = this.#core
    const { pinned } = audit
    if (pinned && !(await this.#consistent(link, shown, pinned.checkpoint)))
      throw auditBroken(
        `the broker's log is another one than it signed before (${pinned.checkpoint.size} leaves then, ${shown.size} now)`,
        { size: shown.size, pinned: pinned.checkpoint.size },
      )
    if (!pinned || shown.size >= pinned.checkpoint.size) audit.pin(note, shown)
    else audit.settled(note)
  }

  /** Tries to prove what peers were shown. Throws `integrity` for what is disproven, or was not proven for too long. */
  async #settle(link: Link): Promise<void> {
    const restore = newestRestore(this.#core)
    for (const head of this.#core.audit.heard) await this.#settleOne(link, head, restore?.seq ?? 0)
  }

  async #settleOne(link: Link, head: HeardHead, since: number): Promise<void> {
    const { audit, log } = this.#core
    let shown: Checkpoint
    try {
      shown = audit.open(head.note)
    } catch {
      // A lie of a peer stops nobody but is told: the broker signed no such thing.
      audit.forget(head.note)
      this.#port.problem(
        'audit-forged',
        `${this.#nameOf(head)} shows an audit checkpoint that the broker never signed`,
      )
      return
    }
    // Of a log that the owner has given up since.
    if (shown.rosterSeq < since) return audit.forget(head.note)
    const { pinned } = audit
    const size = Math.max(shown.size, pinned?.checkpoint.size ?? 0)
    try {
      if (pinned && !(await this.#consistent(link, shown, pinned.checkpoint)))
        throw auditBroken(
          `the broker signed two logs: ${this.#nameOf(head)} was shown another than this machine, of ${shown.size} leaves`,
          { size: shown.size, pinned: pinned.checkpoint.size },
        )
      if (!pinned) return this.#tooLong(head, size)
      if (shown.size > pinned.checkpoint.size) audit.pin(head.note, shown)
      else audit.settled(head.note)
    } catch (error) {
      if (!(error instanceof MeshError) || error.code === 'integrity') throw error
      log('audit.unproven', { code: error.code, size: shown.size })
      if (link === this.#port.link()) this.#tooLong(head, size)
    }
  }

  #tooLong(head: HeardHead, size: number): void {
    if (head.waitedMs < TIMES.auditProofMs) return
    throw auditBroken(
      `the broker does not prove the log that ${this.#nameOf(head)} was shown, for ${Math.round(head.waitedMs / 60_000)} minutes`,
      { size },
    )
  }

  /** Whether the shorter of two signed logs begins the longer one. Throws what the broker answers instead of a proof. */
  async #consistent(link: Link, a: Checkpoint, b: Checkpoint): Promise<boolean> {
    const [old, now] = a.size <= b.size ? [a, b] : [b, a]
    if (old.size === now.size) return equalBytes(old.root, now.root)
    const { hashes } = await link.request({ type: 'audit.proof', from: old.size, size: now.size }, 'proof')
    return verifyConsistency({
      old: old.size,
      size: now.size,
      oldRoot: old.root,
      root: now.root,
      path: hashes,
    })
  }

  #nameOf({ from }: HeardHead): string {
    const { keeper } = this.#core
    const member = keeper.roster.members.get(from)
    return member ? memberName(keeper, member) : from.slice(0, 8)
  }
}
