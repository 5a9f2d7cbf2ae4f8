/** A message whose keys are at hand is sealed as it is written: its rows are never read back, and written once. */
import { LIMITS, MeshError } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import type { Party } from '../session/party.ts'
import type { OutboxRecipientRow, Owner } from '../store.ts'
import { type Composed, composeMessage, type Draft, storeMessage } from './compose.ts'
import { type Addressed, PAGE_ENVELOPES } from './page.ts'
import type { Pairs } from './pairs.ts'
import { memberOf } from './put-off.ts'
import { type Sealed, sealMessage } from './seal.ts'
import type { Targets } from './targets.ts'

export interface FreshPort {
  readonly pairs: Pairs
  readonly targets: Targets
  /** What this party writes may go out now. */
  readonly maySeal: (party: Party) => boolean
}

export class Fresh {
  readonly #core: Core
  readonly #port: FreshPort
  /** The transaction that the rest is of. */
  #number = 0
  readonly #free = new Map<Owner, boolean>()
  readonly #floors = new Map<string, number>()
  #sealed = 0
  /** These stand in the store, and wait to be sent. */
  #standing: Sealed[] = []

  constructor(core: Core, port: FreshPort) {
    this.#core = core
    this.#port = port
  }

  /** Inside `commit.run`. Answers the `msg`; `take` has what was sealed of it once that stands. */
  write(draft: Draft): string {
    this.#begin()
    const composed = composeMessage(this.#core, draft)
    const sealed = this.#seal(composed)
    if (!sealed) {
      this.#free.set(draft.owner, false)
      return storeMessage(this.#core, composed)
    }
    this.#sealed++
    const { id, msg, sentAt, endsAt, bytes, toHash } = sealed
    storeMessage(this.#core, {
      message: { ...composed.message, endsAt },
      recipients: composed.recipients.map(row => ({ ...row, state: 'sealed', at: sentAt })),
    })
    this.#core.store.outbox.addSealing(
      { id, msg, sentAt, state: 'sealed', bytes, toHash, seq: 0, auditIndex: 0, acceptedAt: 0 },
      sealed.to,
    )
    this.#core.commit.stands(() => this.#standing.push(sealed))
    return msg
  }

  /** What stands and was not taken yet, in the order it was written: what is not sent now goes out with all that has no answer. */
  take(): Sealed[] {
    const taken = this.#standing
    this.#standing = []
    return taken
  }

  #begin(): void {
    const { number } = this.#core.commit
    if (this.#number === number) return
    this.#number = number
    this.#free.clear()
    this.#floors.clear()
    this.#sealed = 0
  }

  #seal({ message, recipients }: Composed): Sealed | undefined {
    const party = this.#core.parties.get(message.owner)
    if (!party || !this.#isFree(party)) return undefined
    const rows = this.#addressed(party, recipients)
    if (!rows) return undefined
    try {
      return sealMessage(this.#core, {
        message,
        party,
        rows,
        pairs: this.#port.pairs,
        floors: this.#floors,
      })
    } catch (error) {
      // What cannot be sealed is ended where all that is pending is looked at.
      if (error instanceof MeshError) return undefined
      throw error
    }
  }

  /** Nothing is in the way, and nothing waits to be sealed before. */
  #isFree(party: Party): boolean {
    if (this.#sealed >= PAGE_ENVELOPES) return false
    const known = this.#free.get(party.owner)
    if (known !== undefined) return known
    const { prekeys, store, now } = this.#core
    const free =
      this.#port.maySeal(party) &&
      !prekeys.isDue(party, now()) &&
      store.outbox.due(party.owner, now(), 1).length === 0
    this.#free.set(party.owner, free)
    return free
  }

  /** Nothing where a key has to be asked for or agreed on first, or one envelope does not hold all. */
  #addressed(party: Party, recipients: readonly OutboxRecipientRow[]): Addressed[] | undefined {
    if (recipients.length > LIMITS.recipientsPerEnvelope) return undefined
    const { pairs, targets } = this.#port
    const rows: Addressed[] = []
    for (const row of recipients) {
      const target = targets.get(row.to)
      const isAtHand = target && pairs.has(party, row.to, target)
      if (!isAtHand || this.#core.claims.doubts(memberOf(row))) return undefined
      rows.push({ row, target })
    }
    return rows
  }
}
