/** The next epoch: a new key sealed to every member left (and, on a plain rekey, every open invite), the one before sealed under it. */
import { epochCopiesRoot, openInvites, type Roster } from '@claudemesh/crypto'
import { epochCommitment, newEpochKey, sealEpochKey, sealPreviousEpochKey } from '@claudemesh/crypto/sealing'
import {
  type AgreementBundle,
  type EpochCopy,
  equalBytes,
  MeshError,
  type NextEpoch,
  SIZES,
} from '@claudemesh/protocol'
import type { RosterKeeper } from '../roster/keeper.ts'

/** For an entry written `at` this time. `without` is the member who is removed: then open invites are void and get no copy. */
export function draftEpoch(
  keeper: RosterKeeper,
  at: number,
  without: Uint8Array | null,
): { epoch: NextEpoch; copies: EpochCopy[] } {
  const { roster, epochs } = keeper
  const previousKey = epochs.get(roster.epoch.number)
  if (!previousKey) throw new MeshError('integrity', 'the key of the present epoch never came here')
  const number = roster.epoch.number + 1
  const key = newEpochKey()
  const copies = receiversOf(roster, at, without).map(to => ({ to: to.key, copy: copyFor(number, key, to) }))
  const epoch = {
    number,
    commitment: epochCommitment(number, key),
    root: epochCopiesRoot(copies),
    previous: sealPreviousEpochKey({ key, number, previous: previousKey }),
  }
  return { epoch, copies }
}

/** Who joined with keys that are no keys gets a copy that nobody can open: it locks out itself, and holds up nobody's removal. */
function copyFor(number: number, key: Uint8Array, to: Receiver): Uint8Array {
  try {
    return sealEpochKey({ number, key, to })
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    return crypto.getRandomValues(new Uint8Array(SIZES.epochCopy))
  }
}

interface Receiver {
  readonly key: Uint8Array
  readonly bundle: AgreementBundle
}
function receiversOf(roster: Roster, at: number, without: Uint8Array | null): Receiver[] {
  const members = [...roster.members.values()]
    .filter(member => !without || !equalBytes(member.key, without))
    .map(({ key, bundle }) => ({ key, bundle }))
  if (without) return members
  const invites = openInvites(roster, at).map(({ entry: { body } }) => ({
    key: body.key,
    bundle: body.bundle,
  }))
  return [...members, ...invites]
}
