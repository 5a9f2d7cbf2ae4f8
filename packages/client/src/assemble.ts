/** Puts together what the parts of a client share, from what the store holds. */
import { AuditHeads } from './audit/heads.ts'
import { type Emit, makeCommit } from './commit.ts'
import { byImmediate, byTimeout } from './connection/schedule.ts'
import type { Core } from './core.ts'
import { Directory } from './directory.ts'
import { GroupCommit } from './group-commit.ts'
import { Claims } from './roster/claims.ts'
import { RosterKeeper } from './roster/keeper.ts'
import { makeParty, PERSON } from './session/party.ts'
import { Prekeys } from './session/prekeys.ts'
import type { MeshClientOptions } from './types.ts'

/** Throws `integrity` for a store that holds no roster of this mesh. */
export function assembleCore(o: MeshClientOptions, emit: Emit): Core {
  const { identity, store, now, log, schedule = byTimeout } = o
  const keeper = new RosterKeeper({ store, identity, now, log, ...(o.seed && { seed: o.seed }) })
  const claims = new Claims({ keeper, store, self: identity.member.publicKey, now, log })
  const person = makeParty(PERSON, identity.member.publicKey, identity.member, now())
  const commit = makeCommit(store, emit)
  return {
    identity,
    address: { url: identity.url, host: identity.host },
    store,
    now,
    log,
    schedule,
    refuses: o.refuses ?? (() => null),
    keeper,
    claims,
    audit: new AuditHeads(store, keeper),
    directory: new Directory({ store, keeper, claims, now, log }),
    prekeys: new Prekeys(store, identity.mesh),
    parties: new Map([[PERSON, person]]),
    factsAhead: new Map(),
    awaited: new Set(),
    commit,
    group: new GroupCommit(commit, { turn: o.turn ?? byImmediate, schedule }),
  }
}
