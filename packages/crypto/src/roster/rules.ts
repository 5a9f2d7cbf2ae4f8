/** The rules of each kind of entry: given a verified author and signature, what it changes, or why it breaks the chain. */
import {
  equalBytes,
  type NextEpoch,
  type RosterEntry,
  type RosterEntryOf,
  type RosterKind,
  toBase64url,
} from '@claudemesh/protocol'
import { addInvite, inviteStateAt, voidInvites } from './invites.ts'
import { mayWrite } from './may-write.ts'
import { broken, countOwners, memberOf, type Roster } from './state.ts'

/** What an entry does once every check has passed; it cannot fail. */
export type Effect = (roster: Roster, entryHash: Uint8Array) => void
type Chained = Exclude<RosterKind, 'genesis'>
type Rule<K extends Chained> = (roster: Roster, entry: RosterEntryOf<K>) => Effect

function beginEpoch(roster: Roster, next: NextEpoch): void {
  roster.epoch = {
    number: next.number,
    commitment: next.commitment,
    beganSeq: roster.seq,
    previous: next.previous,
  }
  roster.epochs.push(roster.epoch)
  roster.rekeyDue = false
}

function requireNextEpoch(roster: Roster, next: NextEpoch): void {
  if (next.number !== roster.epoch.number + 1)
    throw broken('epoch-number', 'an epoch follows the one before', 'body.epoch.number')
}

const broker: Rule<'broker'> =
  (_, { body }) =>
  roster => {
    roster.broker = { hosts: body.hosts, key: body.key }
  }

const invite: Rule<'invite'> = (roster, entry) => {
  const { code, key, expiresAt } = entry.body
  if (expiresAt < entry.at)
    throw broken('invite-expired', 'an invite ends after it was written', 'body.expiresAt')
  const { codes, keys } = roster.inviteIndex
  if (codes.has(toBase64url(code))) throw broken('invite-code-reused', 'a code names one invite', 'body.code')
  const id = toBase64url(key)
  if (roster.members.has(id) || roster.removed.has(id) || keys.has(id))
    throw broken('invite-key-reused', 'an invite has a key of its own', 'body.key')
  return (roster, hash) => addInvite(roster, { hash, entry, used: 0, state: 'open' })
}

const revoke: Rule<'invite-revoke'> = (roster, { body }) => {
  const id = toBase64url(body.invite)
  const invite = roster.invites.get(id)
  if (!invite) throw broken('invite-unknown', 'no such invite', 'body.invite')
  if (invite.state !== 'open' && invite.state !== 'expired') {
    throw broken('invite-not-open', `the invite is ${invite.state} already`, 'body.invite')
  }
  return roster => {
    roster.invites.set(id, { ...invite, state: 'revoked' })
  }
}

const join: Rule<'join'> = (roster, entry) => {
  const author = toBase64url(entry.author)
  if (roster.members.has(author)) throw broken('member-already', 'this key is a member', 'author')
  if (roster.removed.has(author)) throw broken('key-came-back', 'a removed key never comes back', 'author')
  if (roster.inviteIndex.keys.has(author))
    throw broken('invite-key-reused', 'an invite key is nobody’s member key', 'author')
  const id = toBase64url(entry.body.invite)
  const invite = roster.invites.get(id)
  if (!invite) throw broken('invite-unknown', 'no such invite', 'body.invite')
  const state = inviteStateAt(invite, entry.at)
  if (state !== 'open') throw broken('invite-not-open', `the invite is ${state}`, 'body.invite')
  return (roster, joinEntryHash) => {
    const used = invite.used + 1
    roster.invites.set(id, { ...invite, used, state: used < invite.entry.body.uses ? 'open' : 'used' })
    roster.members.set(author, {
      key: entry.author,
      role: invite.entry.body.role,
      bundle: entry.body.bundle,
      sealedName: entry.body.name,
      nameEpoch: roster.epoch.number,
      joinedSeq: entry.seq,
      joinedAt: entry.at,
      joinEntryHash,
      invite: invite.hash,
    })
  }
}

const rename: Rule<'rename'> = (roster, entry) => {
  const member = memberOf(roster, entry.author, 'author')
  return roster => {
    roster.members.set(toBase64url(entry.author), {
      ...member,
      sealedName: entry.body.name,
      nameEpoch: roster.epoch.number,
    })
  }
}

const meshRename: Rule<'mesh-rename'> = (_, { author, body, mesh }) => {
  return roster => {
    roster.meshName = { sealed: body.name, epoch: roster.epoch.number, author, mesh }
  }
}

const pause: Rule<'pause'> = (_, { at, author, body }) => {
  return roster => {
    roster.pause = body.delivery === 'held' ? (roster.pause ?? { at, author }) : null
  }
}

const role: Rule<'role'> = (roster, { body }) => {
  const member = memberOf(roster, body.member, 'body.member')
  if (member.role === 'owner' && body.role !== 'owner' && countOwners(roster) === 1) {
    throw broken('last-owner', 'the last owner stays one', 'body.role')
  }
  return roster => {
    roster.members.set(toBase64url(body.member), { ...member, role: body.role })
    voidInvites(
      roster,
      ({ entry }) =>
        equalBytes(entry.author, body.member) && !mayWrite('invite', body.role, { gets: entry.body.role }),
    )
  }
}

const rekey: Rule<'rekey'> = (roster, { body }) => {
  requireNextEpoch(roster, body.epoch)
  return roster => beginEpoch(roster, body.epoch)
}

const remove: Rule<'remove'> = (roster, entry) => {
  const { member: key, epoch } = entry.body
  const member = memberOf(roster, key, 'body.member')
  const self = equalBytes(key, entry.author)
  if (member.role === 'owner' && countOwners(roster) === 1)
    throw broken('last-owner', 'the last owner stays', 'body.member')
  if (self && epoch) throw broken('leaver-rekeys', 'who leaves must not know the next key', 'body.epoch')
  if (!self && !epoch) throw broken('epoch-missing', 'a removal begins the next epoch', 'body.epoch')
  if (epoch) requireNextEpoch(roster, epoch)
  return roster => {
    roster.members.delete(toBase64url(key))
    roster.removed.set(toBase64url(key), { at: entry.at, seq: entry.seq })
    voidInvites(roster, () => true)
    if (epoch) beginEpoch(roster, epoch)
    else roster.rekeyDue = true
  }
}

const RULES: { [K in Chained]: Rule<K> } = {
  broker,
  invite,
  'invite-revoke': revoke,
  join,
  rename,
  'mesh-rename': meshRename,
  pause,
  role,
  rekey,
  remove,
}

/** @throws MeshError `integrity` when the entry's kind is unknown or breaks a rule of its kind; otherwise what it changes. */
export function effectOf(roster: Roster, entry: RosterEntry): Effect {
  if (!Object.hasOwn(RULES, entry.kind))
    throw broken('unknown-kind', 'an entry of a kind that this version does not know', 'kind')
  return (RULES as Record<string, (roster: Roster, entry: RosterEntry) => Effect>)[entry.kind]!(roster, entry)
}
