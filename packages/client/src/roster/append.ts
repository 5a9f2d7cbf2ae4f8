/** Appends to the roster by compare-and-swap on its head: a lost race is fetched, verified and tried again. */
import {
  mayWrite,
  type RosterMember,
  rosterEntryHash,
  signRosterEntry,
  type WriteTarget,
} from '@claudemesh/crypto'
import {
  type EpochCopy,
  equalBytes,
  LIMITS,
  MeshError,
  type RosterEntry,
  type RosterEntryOf,
  type RosterKind,
  toBase64url,
} from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import type { RosterKeeper } from './keeper.ts'
import { lookAgain } from './look-again.ts'
import { syncRoster } from './sync.ts'

const MAX_TRIES = 8

export interface Draft {
  readonly entry: RosterEntry
  /** Sealed epoch keys, where the entry begins an epoch. */
  readonly copies: readonly EpochCopy[] | null
}

/**
 * `draft` answers `null` when there is nothing to write any more, and so does this. It is asked anew for
 * each try, from the roster as it then stands; what it throws ends the attempt, `not-found` only at the broker's head.
 * Throws the broker's refusal, `conflict` after 8 lost races, `unreachable` (then the roster tells whether it stands).
 */
export async function appendEntry(
  link: Link,
  keeper: RosterKeeper,
  draft: () => Draft | null,
): Promise<RosterEntry | null> {
  let drafted = await lookAgain(draft, () => syncRoster(link, keeper))
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    if (!drafted) return null
    const { entry, copies } = drafted
    try {
      const reply = await offerEntry(link, entry, copies)
      if (!equalBytes(reply.head, rosterEntryHash(entry)))
        throw new MeshError('integrity', 'the broker appended something else')
    } catch (error) {
      if (!(error instanceof MeshError) || error.code !== 'stale-head') throw error
      await syncRoster(link, keeper)
      drafted = draft()
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

/** Copies that are too many for the frame of their entry go before it. */
async function offerEntry(link: Link, entry: RosterEntry, copies: Draft['copies']) {
  const { epochCopiesPerFrame: most } = LIMITS
  if (copies === null || copies.length <= most)
    return link.request({ type: 'roster.append', entry, copies: copies && [...copies] }, 'appended')
  for (let i = 0; i < copies.length; i += most)
    await link.request({ type: 'roster.copies', copies: copies.slice(i, i + most) }, 'ok')
  return link.request({ type: 'roster.append', entry, copies: null }, 'appended')
}

type Written = Exclude<RosterKind, 'genesis' | 'join'>

/** This member, where its role lets it write such an entry. Throws `forbidden`, which the broker would answer as well. */
export function requireRight(
  { keeper, identity }: Pick<Core, 'keeper' | 'identity'>,
  kind: Written,
  target: WriteTarget = {},
): RosterMember {
  const self = keeper.roster.members.get(toBase64url(identity.member.publicKey))
  if (self && mayWrite(kind, self.role, target)) return self
  throw new MeshError('forbidden', `${WHO[self?.role ?? 'stranger']} may not ${WHAT[kind]}`)
}

const WHO = {
  owner: 'an owner',
  admin: 'an admin',
  member: 'a member',
  viewer: 'a viewer',
  stranger: 'who is no member',
} as const
const WHAT: Record<Written, string> = {
  broker: 'say where the broker is: only an owner may',
  invite: 'make this invite',
  'invite-revoke': 'revoke invites',
  rename: 'be renamed by others',
  'mesh-rename': 'rename the mesh: only an owner may',
  pause: 'pause the mesh, or let it go on: only an owner or admin may',
  role: 'give this member this role',
  rekey: 'change the key of the mesh',
  remove: 'remove this member',
}

/** When an entry written now is written: time never goes back in the chain. */
export const entryTime = ({ keeper, now }: Pick<Core, 'keeper' | 'now'>): number =>
  Math.max(now(), keeper.roster.at)

/** This member's entry with this body, behind the pinned head. `at`: what the body was made for. */
export function signedDraft<K extends Written>(
  core: Pick<Core, 'keeper' | 'identity' | 'now'>,
  kind: K,
  body: RosterEntryOf<K>['body'],
  { copies, at = entryTime(core) }: { copies?: readonly EpochCopy[]; at?: number } = {},
): Draft {
  const { keeper, identity } = core
  const { mesh, seq, head } = keeper.roster
  const unsigned = { mesh, seq: seq + 1, prev: head, at, author: identity.member.publicKey, kind, body }
  const entry = signRosterEntry<K>(
    unsigned as unknown as Parameters<typeof signRosterEntry<K>>[0],
    identity.member,
  )
  return { entry: entry as RosterEntry, copies: copies ?? null }
}
