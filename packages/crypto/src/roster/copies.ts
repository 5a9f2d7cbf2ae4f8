/** The copies of a new epoch key that lie beside the chain: exactly who may have one has one, under one root. */
import { compareBytes, type EpochCopy, equalBytes, type RosterEntry } from '@claudemesh/protocol'
import { hash } from '../signed-bytes.ts'
import { openInvites } from './invites.ts'
import { broken, type Roster } from './state.ts'

/** The root that a `rekey` or `remove` commits to: a hash over the list, sorted by `to`, of (to, hash of the copy). */
export function epochCopiesRoot(copies: readonly EpochCopy[]): Uint8Array {
  const sorted = copies.toSorted((a, b) => compareBytes(a.to, b.to))
  return hash('rekey', [sorted.map(({ to, copy }) => [to, hash('rekey', [copy])])])
}

/** The keys that get a copy of the epoch that `entry` begins: members left, and with a `rekey` every invite open at its `at`. */
function receivers(roster: Roster, entry: RosterEntry): Uint8Array[] {
  const members = [...roster.members.values()].map(member => member.key)
  if (entry.kind === 'remove') return members.filter(key => !equalBytes(key, entry.body.member))
  return [...members, ...openInvites(roster, entry.at).map(invite => invite.entry.body.key)]
}

/**
 * Checks the copies that come with an entry. The roster may be the one before or the one after it.
 * @throws MeshError `integrity` when a receiver is missing, doubled or strange, the root differs, or an entry that
 * begins no epoch brings copies.
 */
export function checkEpochCopies(roster: Roster, entry: RosterEntry, copies: readonly EpochCopy[]): void {
  const epoch = entry.kind === 'rekey' || entry.kind === 'remove' ? entry.body.epoch : null
  if (!epoch) {
    if (copies.length > 0) throw broken('copies-strange', 'this entry begins no epoch', 'copies')
    return
  }
  const expected = receivers(roster, entry).sort(compareBytes)
  const given = copies.map(copy => copy.to).sort(compareBytes)
  if (expected.length !== given.length || expected.some((key, i) => !equalBytes(key, given[i]!))) {
    throw broken('copies-receivers', 'the new key goes to exactly who is left', 'copies')
  }
  if (!equalBytes(epochCopiesRoot(copies), epoch.root))
    throw broken('copies-root', 'the copies are not those signed', 'copies')
}
