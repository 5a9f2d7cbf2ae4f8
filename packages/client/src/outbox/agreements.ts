/** Key agreements with whom something is to be sealed to: one at a time beside whatever else is due, a crowd on two threads. */
import { MeshError } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import type { Party } from '../session/party.ts'
import type { OutboxRecipientRow } from '../store.ts'
import { AgreementThread } from './agreement-thread.ts'
import type { Pairs } from './pairs.ts'
import type { Target, Targets } from './targets.ts'

/** Key agreements in one go, 1 ms each at most. */
const AGREED_AT_ONCE = 32
/** As many new recipients or more are agreed with on two threads. */
const CROWD = 64
/** Whoever is through does not wait longer for the other thread's last share. */
const ASIDE_MS = 250

export class Agreements {
  readonly #core: Core
  readonly #o: { readonly pairs: Pairs; readonly targets: Targets }
  readonly #thread = new AgreementThread()

  constructor(core: Core, o: { readonly pairs: Pairs; readonly targets: Targets }) {
    this.#core = core
    this.#o = o
  }

  /** The other thread is not needed for now. */
  end(): void {
    this.#thread.end()
  }

  /** A thousand new recipients cost a second: whatever else is due runs in between, and a crowd is shared with another thread. */
  async withAll(party: Party, rows: readonly OutboxRecipientRow[]): Promise<void> {
    const open = rows.flatMap(row => {
      const target = this.#o.targets.get(row.to)
      return !target || this.#o.pairs.has(party, row.to, target) ? [] : [{ row, target }]
    })
    const aside = open.length >= CROWD ? this.#agreeAside(party, open) : undefined
    for (let made = 1, next = open.shift(); next; made++, next = open.shift()) {
      this.agrees(party, next.row, next.target)
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
      const agreed = await this.#thread.agree(part.map(({ target }) => this.#o.pairs.task(party, target)))
      if (!agreed) return
      for (const [i, { row, target }] of part.entries()) {
        const one = agreed[i]
        if (one && !this.#o.pairs.has(party, row.to, target)) this.#o.pairs.keep(party, row.to, target, one)
      }
    }
  }

  /** A prekey may be signed and yet be no key: that concerns its owner alone, and no other recipient of the message. */
  agrees(party: Party, row: OutboxRecipientRow, target: Target): boolean {
    try {
      this.#o.pairs.of(party, row.to, target)
      return true
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      this.#core.log('prekey.refused', { key: row.to, code: error.code, message: error.message })
      this.#o.targets.forget(row.to)
      return false
    }
  }
}
