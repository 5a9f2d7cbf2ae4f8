/** The roster as this member has verified and pinned it; it only ever grows, entry by verified entry. */
import { applyEntry, type Roster, rosterEntryHash } from '@claudemesh/crypto'
import { equalBytes, MeshError, type RosterEntry } from '@claudemesh/protocol'
import { type MeshSeed, seeded } from '../mesh/seed.ts'
import type { ClientStore } from '../store.ts'
import type { Log, MeshIdentity } from '../types.ts'
import { type EpochCopyFor, EpochKeys } from './epoch-keys.ts'
import { entryJson, pinHead, replayStored } from './stored.ts'

const PROOF = 'roster-proof'

export class RosterKeeper {
  readonly #store: ClientStore
  readonly #now: () => number
  #entries: RosterEntry[]
  readonly roster: Roster
  readonly epochs: EpochKeys
  /** The broker says that nobody can fetch the key of the present epoch from it. */
  copiesMissing = false
  /** Names opened before, by the record they stand in. */
  readonly opened = new WeakMap<object, string>()

  constructor(o: {
    store: ClientStore
    identity: MeshIdentity
    now: () => number
    log: Log
    seed?: MeshSeed
  }) {
    this.#store = o.store
    this.#now = o.now
    const { roster, entries } = seeded(o.store, o.seed) ?? replayStored(o.store, o.identity.mesh)
    this.roster = roster
    this.#entries = entries
    const { store, identity, log } = o
    this.epochs = new EpochKeys({ store, identity, roster, log })
  }

  get entries(): readonly RosterEntry[] {
    return this.#entries
  }

  /** Every key that a `broker` entry named, the newest first: what one signed in its time stays signed. */
  get brokerKeys(): Uint8Array[] {
    return this.#entries.flatMap(entry => (entry.kind === 'broker' ? [entry.body.key] : [])).reverse()
  }

  /** A checkpoint by the broker (a signed note) whose roster head, at `seq`, we hold: it proves to the broker itself what it had. */
  get proof(): { readonly seq: number; readonly note: string } | null {
    const note = this.#store.settings.get(PROOF)
    return note === undefined ? null : { seq: this.#store.counters.get(PROOF), note }
  }

  /** Keeps the checkpoint with the highest roster head. */
  keepProof(seq: number, note: string): void {
    if (seq <= this.#store.counters.get(PROOF)) return
    this.#store.transaction(() => {
      this.#store.settings.set(PROOF, note)
      this.#store.counters.set(PROOF, seq)
    })
  }

  /** When somebody but `self` last wrote an entry, ms since 1970. */
  lastEntryOfOthers(self: Uint8Array): number {
    return this.#entries.findLast(({ author }) => !equalBytes(author, self))?.at ?? 0
  }

  /** The first seq to ask the broker for: the next, or that of an epoch whose key never came. */
  get wanted(): number {
    return this.epochs.missingSince() ?? this.roster.seq + 1
  }

  /**
   * Verifies and pins a page. Entries already held must be the same ones.
   * Throws `integrity` (forked or broken: nothing of what follows is kept) or `clock` (an entry from our future); what the store
   * throws, and then nothing of the page was taken.
   */
  accept(page: readonly RosterEntry[], copies: readonly EpochCopyFor[]): void {
    let refused: MeshError | undefined
    try {
      this.#store.transaction(() => {
        const next = this.roster.seq + 1
        const taken: RosterEntry[] = []
        refused = this.#take(page, taken)
        if (taken.length > 0) this.#store.roster.append(next, taken.map(entryJson))
        this.#entries.push(...taken)
        pinHead(this.#store, this.roster.head)
        this.epochs.accept(copies)
      })
    } catch (error) {
      this.#readAgain()
      throw error
    }
    if (refused) throw refused
  }

  /** Applies what is new and sound of a page; why it ends before the page does. */
  #take(page: readonly RosterEntry[], taken: RosterEntry[]): MeshError | undefined {
    for (const entry of page) {
      if (entry.seq <= this.roster.seq) {
        if (this.holds(entry.seq, rosterEntryHash(entry))) continue
        return new MeshError('integrity', 'the broker shows another history of the roster', {
          facts: { seq: entry.seq },
        })
      }
      try {
        applyEntry(this.roster, entry, { now: this.#now() })
      } catch (error) {
        if (error instanceof MeshError) return error
        return new MeshError('integrity', 'a roster entry is broken', { cause: error })
      }
      taken.push(entry)
    }
    return undefined
  }

  /** Memory follows the store, which took nothing. */
  #readAgain(): void {
    const { roster, entries } = replayStored(this.#store, this.roster.mesh)
    Object.assign(this.roster, roster)
    this.#entries = entries
    this.epochs.readAgain()
  }

  /** True when our entry at `seq` has this hash. */
  holds(seq: number, head: Uint8Array): boolean {
    const ours = this.roster.heads[seq]
    return ours !== undefined && equalBytes(ours, head)
  }
}
