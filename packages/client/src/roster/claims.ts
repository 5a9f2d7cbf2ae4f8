/**
 * What others say of the roster in what they signed. A higher claim is fetched first; one that stays unproven stops sealing
 * to its maker alone; one that the broker's own signature proves, and that it does not serve, stops all sealing. Kept in the store.
 */
import { openCheckpoint } from '@claudemesh/crypto'
import { equalBytes, fromBase64url, MeshError, TIMES, toBase64url } from '@claudemesh/protocol'
import { z } from 'zod'
import type { ClientStore } from '../store.ts'
import type { Log } from '../types.ts'
import type { RosterKeeper } from './keeper.ts'
import { memberName } from './names.ts'

/** A place of the roster and the hash of the entry there. */
export interface RosterClaim {
  readonly seq: number
  readonly head: Uint8Array
}
interface Unproven extends RosterClaim {
  /** When it was signed. */
  readonly at: number
}
interface Proven extends RosterClaim {
  /** The checkpoint that proves it. */
  readonly note: string
  /** ms connected since it was proven. */
  readonly waitedMs: number
}

const SETTING = 'roster-claims'
const WORD = 'roster-word'
/** How much newer a word must be to be written down. */
const WORD_STEP_MS = 60_000
const NOTES_KEPT = 256

const head = z.string().transform((text, ctx) => {
  const bytes = fromBase64url(text)
  if (bytes?.length === 32) return bytes
  ctx.addIssue('a hash expected')
  return z.NEVER
})
const stored = z.object({
  unproven: z.record(z.string(), z.object({ seq: z.int(), head, at: z.int() })),
  proven: z.object({ seq: z.int(), head, note: z.string() }).nullable(),
})

export class Claims {
  readonly #keeper: RosterKeeper
  readonly #store: ClientStore
  readonly #self: Uint8Array
  readonly #now: () => number
  readonly #log: Log
  readonly #unproven: Map<string, Unproven>
  #proven: Proven | null
  #wordAt: number
  #fetchDue = false
  /** Checkpoints looked at before: the same one stands in many messages. */
  readonly #notes = new Set<string>()

  constructor(o: {
    keeper: RosterKeeper
    store: ClientStore
    self: Uint8Array
    now: () => number
    log: Log
  }) {
    this.#keeper = o.keeper
    this.#store = o.store
    this.#self = o.self
    this.#now = o.now
    this.#log = o.log
    const held = o.store.settings.get(SETTING)
    const { unproven, proven } = held ? stored.parse(JSON.parse(held)) : { unproven: {}, proven: null }
    this.#unproven = new Map(Object.entries(unproven))
    // A broker that was asked before the last start is asked once more.
    this.#proven = proven && { ...proven, waitedMs: 0 }
    this.#wordAt = o.store.counters.get(WORD)
    // Whoever ended between taking entries and this would take what they prove for another history.
    this.settle()
  }

  /** A higher claim was heard and the broker not asked since: nothing is sealed before. */
  get fetchDue(): boolean {
    return this.#fetchDue
  }
  /** The broker signed a head that it has not served yet: nothing is sealed until it does. */
  get awaited(): boolean {
    return this.#proven !== null
  }
  /** Keys (base64url) of members whose claim nobody has proven. */
  get members(): string[] {
    return [...this.#unproven.keys()]
  }
  /** Sealing to this member waits: it claims a roster that nobody has proven to us. */
  doubts(member: string): boolean {
    return this.#unproven.has(member)
  }

  /** Notes a member's verified claim, signed at `at` (ms); true if it calls for a fetch. */
  hear(member: Uint8Array, claim: RosterClaim, at: number): boolean {
    const { roster } = this.#keeper
    const key = toBase64url(member)
    const known = this.#unproven.get(key)
    if (this.#keeper.holds(claim.seq, claim.head)) {
      this.#word(member, at)
      // Who says later that it stands on our history, and as far, has come back to it.
      if (known && known.seq <= claim.seq && known.at < at) this.#forget(key)
      return false
    }
    if (known && known.seq >= claim.seq) return false
    this.#unproven.set(key, { ...claim, at })
    this.#save()
    if (claim.seq <= roster.seq) return false
    this.#fetchDue = true
    return true
  }

  /** A checkpoint that somebody showed: where a broker key of the roster signed it, its roster head is proven. True if the broker is to be asked. */
  hearCheckpoint(note: string): boolean {
    if (this.#notes.has(note)) return false
    const { roster, brokerKeys } = this.#keeper
    let claim: RosterClaim
    try {
      const { rosterSeq, rosterHead } = openCheckpoint(note, { mesh: roster.mesh, keys: brokerKeys })
      claim = { seq: rosterSeq, head: rosterHead }
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      this.#log('checkpoint.refused', { code: error.code, message: error.message })
      return false
    }
    if (this.#notes.size >= NOTES_KEPT) this.#notes.clear()
    this.#notes.add(note)
    if (this.#keeper.holds(claim.seq, claim.head)) {
      this.#keeper.keepProof(claim.seq, note)
      return false
    }
    // A fork is kept for good; of heads to come the highest says all.
    if (this.#proven && (this.#isFork(this.#proven) || this.#proven.seq >= claim.seq)) return false
    this.#proven = { ...claim, note, waitedMs: this.#proven?.waitedMs ?? 0 }
    this.#save()
    this.#fetchDue = true
    return true
  }

  /** The broker could have served what it signed for `elapsedMs` more. */
  waited(elapsedMs: number): void {
    if (!this.#proven) return
    this.#proven = { ...this.#proven, waitedMs: this.#proven.waitedMs + elapsedMs }
  }

  /** The broker is asked now: what is heard from here on calls for another fetch. True if one was due. */
  asked(): boolean {
    const wasDue = this.#fetchDue
    this.#fetchDue = false
    return wasDue
  }
  /** It was asked in vain. */
  notAnswered(): void {
    this.#fetchDue = true
  }

  /** After a fetch, and at the start: forgets the claims that our roster now bears out. */
  settle(): void {
    const { roster } = this.#keeper
    for (const [key, claim] of this.#unproven) {
      const member = roster.members.get(key)
      if (member && !this.#keeper.holds(claim.seq, claim.head)) continue
      if (member) this.#word(member.key, claim.at)
      this.#forget(key)
    }
    if (this.#proven && this.#keeper.holds(this.#proven.seq, this.#proven.head)) {
      this.#keeper.keepProof(this.#proven.seq, this.#proven.note)
      this.#proven = null
      this.#save()
    }
  }

  /** Why all sealing stops, where it must: a person has to look. */
  get frozen(): MeshError | null {
    const proven = this.#proven
    if (!proven) return null
    const { seq } = proven
    if (this.#isFork(proven))
      return new MeshError(
        'integrity',
        `the broker signed another history of the roster than the one it showed here (entry ${seq})`,
        { facts: { seq } },
      )
    if (proven.waitedMs < TIMES.provenMs) return null
    return new MeshError(
      'integrity',
      `the broker holds back roster entries that it signed: up to ${seq}, of which ${this.#keeper.roster.seq} came`,
      { facts: { seq } },
    )
  }

  /** What a person is to be told. */
  problems(): { code: string; message: string }[] {
    const { roster } = this.#keeper
    const told = this.members.flatMap(key => {
      const member = roster.members.get(key)
      if (!member) return []
      const name = memberName(this.#keeper, member)
      return {
        code: 'roster-unproven',
        message: `${name} claims a roster that nobody has proven: nothing is sent to ${name}`,
      }
    })
    if (this.#proven && !this.frozen)
      told.push({
        code: 'roster-awaited',
        message: `the broker signed roster entry ${this.#proven.seq} and has not served it yet: nothing is sent until it does`,
      })
    return told
  }

  /** ms of the last word of another member that our roster bore out, where that is over 12 h ago; `null` where all is well, or nobody else is in. */
  get unconfirmedSince(): number | null {
    if (this.#keeper.roster.members.size < 2) return null
    const since = Math.max(this.#wordAt, this.#keeper.lastEntryOfOthers(this.#self))
    return this.#now() - since > TIMES.unconfirmedMs ? since : null
  }

  /** At a place that we know, another head than ours. */
  #isFork({ seq }: RosterClaim): boolean {
    return seq <= this.#keeper.roster.seq
  }

  #word(member: Uint8Array, signedAt: number): void {
    const at = Math.min(signedAt, this.#now())
    if (at < this.#wordAt + WORD_STEP_MS || equalBytes(member, this.#self)) return
    this.#wordAt = at
    this.#store.counters.set(WORD, at)
  }

  #forget(key: string): void {
    if (this.#unproven.delete(key)) this.#save()
  }

  #save(): void {
    const wire = <C extends RosterClaim>(claim: C) => ({ ...claim, head: toBase64url(claim.head) })
    const unproven = Object.fromEntries([...this.#unproven].map(([key, claim]) => [key, wire(claim)]))
    const proven = this.#proven && wire(this.#proven)
    this.#store.settings.set(SETTING, JSON.stringify({ unproven, proven }))
  }
}
