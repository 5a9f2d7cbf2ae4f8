/** What others say of the roster in what they signed: a higher claim is fetched first, one that stays unproven stops sealing to its maker alone. */
import { toBase64url } from '@claudemesh/protocol'
import type { RosterKeeper } from './keeper.ts'

export interface RosterClaim {
  readonly seq: number
  readonly head: Uint8Array
}

export class Claims {
  readonly #keeper: RosterKeeper
  readonly #unproven = new Map<string, RosterClaim>()
  #fetchDue = false

  constructor(keeper: RosterKeeper) {
    this.#keeper = keeper
  }

  /** A higher claim was heard and the broker not asked since: nothing is sealed before. */
  get fetchDue(): boolean {
    return this.#fetchDue
  }

  /** Notes a member's verified claim; true if it calls for a fetch. */
  hear(member: Uint8Array, claim: RosterClaim): boolean {
    const { roster } = this.#keeper
    if (claim.seq <= roster.seq && this.#keeper.holds(claim.seq, claim.head)) return false
    const known = this.#unproven.get(toBase64url(member))
    if (known && known.seq >= claim.seq) return false
    this.#unproven.set(toBase64url(member), claim)
    if (claim.seq <= roster.seq) return false
    this.#fetchDue = true
    return true
  }

  /** After a fetch: forgets the claims that our roster now bears out. */
  settle(): void {
    this.#fetchDue = false
    for (const [member, claim] of this.#unproven)
      if (this.#keeper.holds(claim.seq, claim.head)) this.#unproven.delete(member)
  }

  /** Sealing to this member waits: it claims a roster that nobody has proven to us. */
  doubts(member: string): boolean {
    return this.#unproven.has(member)
  }

  get members(): string[] {
    return [...this.#unproven.keys()]
  }
}
