/** What the parts of a client share. */
import type { Fact } from '@claudemesh/protocol'
import type { AuditHeads } from './audit/heads.ts'
import type { Commit } from './commit.ts'
import type { Directory } from './directory.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Claims } from './roster/claims.ts'
import type { RosterKeeper } from './roster/keeper.ts'
import type { Party } from './session/party.ts'
import type { Prekeys } from './session/prekeys.ts'
import type { ClientStore, Owner } from './store.ts'
import type { Log, MeshIdentity, Refuses, Schedule } from './types.ts'

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
  /** Messages whose sender waits for the broker's answer. */
  readonly awaited: Set<string>
  readonly commit: Commit
  readonly group: GroupCommit
}
