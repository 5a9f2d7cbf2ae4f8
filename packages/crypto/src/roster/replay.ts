/** Replays a chain of roster entries: what comes out is signed, unbroken and obeys every rule, or nothing comes out. */
import { equalBytes, MeshError, type Role, type RosterEntry, TIMES, toBase64url } from '@claudemesh/protocol'
import type { Field } from '../signed-bytes.ts'
import { entryFields, rosterEntryHash, signedEntryHash } from './entry-bytes.ts'
import { expireInvites, noInvites } from './invites.ts'
import { mayWrite, type WriteTarget } from './may-write.ts'
import { effectOf } from './rules.ts'
import { type Judge, judgeAtOnce, judgedBefore } from './signatures.ts'
import { broken, memberOf, type Roster, type RosterEpoch } from './state.ts'

/**
 * The roster that a genesis entry begins.
 * @param expectedMesh the mesh id that the entry must hash to, 32 bytes.
 * @throws MeshError `integrity` when it is no genesis, its signature is wrong or it begins another mesh.
 */
export const openRoster = (genesis: RosterEntry, expectedMesh?: Uint8Array): Roster =>
  beginRoster(genesis, expectedMesh, judgeAtOnce)

/** As `openRoster`, for a judge of one's own. */
export function beginRoster(
  genesis: RosterEntry,
  expectedMesh: Uint8Array | undefined,
  judge: Judge,
): Roster {
  if (genesis.kind !== 'genesis' || genesis.seq !== 0)
    throw broken('no-genesis', 'the first entry is no genesis', 'kind')
  const fields = entryFields(genesis)
  const mesh = signedEntryHash(fields, genesis.signatures)
  if (expectedMesh && !equalBytes(mesh, expectedMesh))
    throw broken('other-mesh', 'the chain does not begin this mesh', 'mesh')
  requireSignature(genesis, fields, judge)
  const epoch: RosterEpoch = { number: 1, commitment: genesis.body.commitment, beganSeq: 0, previous: null }
  const founder = {
    key: genesis.author,
    role: 'owner' as Role,
    bundle: genesis.body.bundle,
    sealedName: genesis.body.name,
    nameEpoch: 1,
    joinedSeq: 0,
    joinedAt: genesis.at,
    joinEntryHash: mesh,
    invite: null,
  }
  return {
    mesh,
    genesis,
    seq: 0,
    head: mesh,
    at: genesis.at,
    heads: [mesh],
    members: new Map([[toBase64url(genesis.author), founder]]),
    removed: new Map(),
    invites: new Map(),
    broker: null,
    epoch,
    epochs: [epoch],
    rekeyDue: false,
    meshName: { sealed: genesis.body.meshName, epoch: 1, author: genesis.author, mesh: null },
    pause: null,
    inviteIndex: noInvites(),
  }
}

/** The author's signature, and no more signatures than the kind has: they stand in the hash. */
function requireSignature(entry: RosterEntry, fields: readonly Field[], judge: Judge): void {
  const [signature, { length }] = [entry.signatures[0], entry.signatures]
  if (length !== (entry.kind === 'join' ? 2 : 1))
    throw broken('signature', 'a signature too many or too few', 'signatures')
  const otherwise = 'the entry was not signed by its author'
  judge({ domain: 'roster', fields, signature, key: entry.author, otherwise })
}

function requireLink(roster: Roster, entry: RosterEntry): void {
  if (entry.kind === 'genesis') throw broken('second-genesis', 'a genesis stands first', 'kind')
  if (!equalBytes(entry.mesh, roster.mesh)) throw broken('other-mesh', 'the entry is of another mesh', 'mesh')
  if (entry.seq !== roster.seq + 1) throw broken('seq', `seq ${roster.seq + 1} is expected`, 'seq')
  if (!equalBytes(entry.prev, roster.head)) throw broken('prev', 'the entry does not follow the head', 'prev')
  if (entry.at < roster.at) throw broken('time', 'time goes back in the chain', 'at')
}

function targetOf(roster: Roster, entry: RosterEntry): WriteTarget {
  switch (entry.kind) {
    case 'invite':
      return { gets: entry.body.role }
    case 'role':
      return { has: memberOf(roster, entry.body.member, 'body.member').role, gets: entry.body.role }
    case 'remove':
      return {
        has: memberOf(roster, entry.body.member, 'body.member').role,
        self: equalBytes(entry.body.member, entry.author),
      }
    default:
      return {}
  }
}

/** The role table for members; for a `join`, the signature of the invite key that stands in for a role. */
function requireRight(roster: Roster, entry: RosterEntry, fields: readonly Field[], judge: Judge): void {
  if (entry.kind === 'join') {
    const otherwise = 'the join was not signed by its invite'
    const invite = roster.invites.get(toBase64url(entry.body.invite))
    if (!invite) throw broken('signature', otherwise, 'signatures')
    const { key } = invite.entry.body
    judge({ domain: 'join', fields, signature: entry.signatures[1], key, otherwise })
    return
  }
  const author = memberOf(roster, entry.author, 'author')
  if (!mayWrite(entry.kind, author.role, targetOf(roster, entry))) {
    throw broken('role', `${author.role} may not write this ${entry.kind}`, 'author')
  }
}

/** An entry that passed every check; `apply` changes the roster it was checked against, once, and cannot fail. */
export interface CheckedEntry {
  readonly hash: Uint8Array
  readonly apply: () => void
}

/**
 * Checks an entry against the roster before it: chain, author, role, signatures, rules, time. Changes nothing.
 * Costs one or two signature verifications.
 * @param opts.now the reader's own clock, ms since 1970; left out, `at` is not held against any clock.
 * @throws MeshError `integrity` for a broken entry (`facts.rule` says which rule), `clock` for a sound one that is more
 * than 5 min ahead of `now`: wait for it, it is no lie.
 */
export const checkEntry = (roster: Roster, entry: RosterEntry, opts: { now?: number } = {}): CheckedEntry =>
  checkJudged(roster, entry, judgeAtOnce, opts.now)

/** As `checkEntry`, for a judge of one's own. */
export function checkJudged(
  roster: Roster,
  entry: RosterEntry,
  judge: Judge,
  now: number | undefined,
): CheckedEntry {
  requireLink(roster, entry)
  const effect = effectOf(roster, entry)
  const fields = entryFields(entry)
  requireRight(roster, entry, fields, judge)
  requireSignature(entry, fields, judge)
  if (now !== undefined && entry.at > now + TIMES.idSkewMs) {
    const aheadMs = entry.at - now
    throw new MeshError('clock', 'a roster entry is ahead of this clock', { field: 'at', facts: { aheadMs } })
  }
  const hash = signedEntryHash(fields, entry.signatures)
  const apply = () => {
    roster.seq = entry.seq
    roster.head = hash
    roster.at = entry.at
    roster.heads.push(hash)
    expireInvites(roster)
    effect(roster, hash)
  }
  return { hash, apply }
}

/** Checks an entry and applies it. The roster is unchanged when it throws, as `checkEntry` does. */
export function applyEntry(roster: Roster, entry: RosterEntry, opts: { now?: number } = {}): void {
  checkEntry(roster, entry, opts).apply()
}

/**
 * Replays a whole chain, genesis first.
 * @param opts.verifiedHead hash of the last entry of a chain whose every signature was verified before. Where the chain ends
 * in it, it is that very chain, and its signatures, which stand in the hashes, are not verified again.
 * @throws MeshError as `openRoster` and `applyEntry` do; the error's `facts.rule` names the broken rule.
 */
export function replayRoster(
  entries: readonly RosterEntry[],
  opts: { mesh: Uint8Array; now?: number; verifiedHead?: Uint8Array | undefined },
): Roster {
  const [genesis, ...rest] = entries
  if (!genesis) throw broken('no-genesis', 'the chain is empty', 'entries')
  const { mesh, now, verifiedHead } = opts
  const known = verifiedHead && equalBytes(rosterEntryHash(entries.at(-1)!), verifiedHead)
  const judge = known ? judgedBefore : judgeAtOnce
  const roster = beginRoster(genesis, mesh, judge)
  for (const entry of rest) checkJudged(roster, entry, judge, now).apply()
  return roster
}
