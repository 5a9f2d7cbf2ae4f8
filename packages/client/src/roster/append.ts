/** Appends to the roster by compare-and-swap on its head: a lost race is fetched, verified and tried again. */
import { rosterEntryHash } from '@claudemesh/crypto'
import { type EpochCopy, equalBytes, MeshError, type RosterEntry } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { RosterKeeper } from './keeper.ts'
import { syncRoster } from './sync.ts'

const MAX_TRIES = 8

export interface Draft {
  readonly entry: RosterEntry
  /** Sealed epoch keys, where the entry begins an epoch. */
  readonly copies: readonly EpochCopy[] | null
}

/** What every draft begins with: the place after the head that is pinned now. */
export const nextPlace = (keeper: RosterKeeper, now: number) => ({
  mesh: keeper.roster.mesh,
  seq: keeper.roster.seq + 1,
  prev: keeper.roster.head,
  at: Math.max(now, keeper.roster.at),
})

/**
 * `draft` answers `null` when there is nothing to write any more, and so does this. It is asked anew for
 * each try, from the roster as it then stands; what it throws ends the attempt.
 * Throws the broker's refusal, `conflict` after 8 lost races, `unreachable` (then the roster tells whether it stands).
 */
export async function appendEntry(
  link: Link,
  keeper: RosterKeeper,
  draft: () => Draft | null,
): Promise<RosterEntry | null> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const drafted = draft()
    if (!drafted) return null
    const { entry, copies } = drafted
    try {
      const reply = await link.request(
        { type: 'roster.append', entry, copies: copies && [...copies] },
        'appended',
      )
      if (!equalBytes(reply.head, rosterEntryHash(entry)))
        throw new MeshError('integrity', 'the broker appended something else')
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'stale-head') throw error
      await syncRoster(link, keeper)
      continue
    }
    // Who has left is not served any more.
    if (entry.kind === 'remove' && equalBytes(entry.body.member, entry.author)) return entry
    await syncRoster(link, keeper)
    if (!keeper.holds(entry.seq, rosterEntryHash(entry)))
      throw new MeshError('integrity', 'the broker does not show what it said it appended')
    return entry
  }
  throw new MeshError('conflict', 'others kept changing the roster at the same moment; try again')
}
