/** What the parts of a client share, and the one way to change the store: events are told after their transaction stands. */
import type { Fact } from '@claudemesh/protocol'
import type { AuditHeads } from './audit/heads.ts'
import type { Directory } from './directory.ts'
import type { Claims } from './roster/claims.ts'
import type { RosterKeeper } from './roster/keeper.ts'
import type { Party } from './session/party.ts'
import type { Prekeys } from './session/prekeys.ts'
import type { ClientStore, Owner } from './store.ts'
import type { Log, MeshEvents, MeshIdentity, Refuses, Schedule } from './types.ts'

export type Emit = <E extends keyof MeshEvents>(event: E, facts: MeshEvents[E]) => void

/** Where the broker is dialled: `url` is `ws(s)://host/ws`. */
export interface Address {
  readonly url: string
  readonly host: string
}

export interface Core {
  readonly identity: MeshIdentity
  /** At first that of `identity`; it moves when an owner says so. */
  address: Address
  readonly store: ClientStore
  readonly now: () => number
  readonly schedule: Schedule
  readonly log: Log
  readonly refuses: Refuses
  readonly keeper: RosterKeeper
  readonly claims: Claims
  readonly audit: AuditHeads
  readonly directory: Directory
  readonly prekeys: Prekeys
  readonly parties: Map<Owner, Party>
  /** Facts that our clock is too early for, and the time (ms) from which on they can be: it may be the clock that is wrong. */
  readonly factsAhead: Map<Fact, number>
  readonly commit: Commit
}

export interface Commit {
  /** Runs `work` as one transaction; what it handed to `after` runs once that stands, in order. */
  run<T>(work: () => T): T
  /** Within `run`: told when the transaction stands, never if it does not. */
  after<E extends keyof MeshEvents>(event: E, facts: MeshEvents[E]): void
}

export function makeCommit(store: ClientStore, emit: Emit): Commit {
  let depth = 0
  let told: (() => void)[] = []
  return {
    run(work) {
      depth++
      try {
        const result = store.transaction(work)
        if (depth > 1) return result
        const events = told
        told = []
        depth--
        for (const tell of events) tell()
        depth++
        return result
      } catch (error) {
        if (depth === 1) told = []
        throw error
      } finally {
        depth--
      }
    },
    after(event, facts) {
      told.push(() => emit(event, facts))
    },
  }
}
