/** Key agreements with whom something is to be sealed to, one at a time beside whatever else is due. */
import { MeshError } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import type { Party } from '../session/party.ts'
import type { OutboxRecipientRow } from '../store.ts'
import type { Pairs } from './pairs.ts'
import type { Target, Targets } from './targets.ts'

/** Key agreements in one go, 0.5 ms each. */
const AGREED_AT_ONCE = 32

export class Agreements {
  readonly #core: Core
  readonly #o: { readonly pairs: Pairs; readonly targets: Targets }

  constructor(core: Core, o: { readonly pairs: Pairs; readonly targets: Targets }) {
    this.#core = core
    this.#o = o
  }

  /**
   * A thousand new recipients cost half a second: whatever else is due runs in between. A second thread would take a fifth of a second
   * of CPU to come up, and a third more for all of it.
   */
  async withAll(party: Party, rows: readonly OutboxRecipientRow[]): Promise<void> {
    let made = 0
    for (const row of rows) {
      const target = this.#o.targets.get(row.to)
      if (!target || this.#o.pairs.has(party, row.to, target)) continue
      this.agrees(party, row, target)
      if (++made % AGREED_AT_ONCE === 0)
        await new Promise<void>(resolve => void this.#core.schedule(0, resolve))
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
