/** What a verified chain of roster entries says: plain data that `openRoster` makes and `applyEntry` moves on. */
import {
  type AgreementBundle,
  MeshError,
  type Role,
  type RosterEntryOf,
  toBase64url,
} from '@claudemesh/protocol'

export interface RosterMember {
  readonly key: Uint8Array
  readonly role: Role
  readonly bundle: AgreementBundle
  /** Sealed under the key of epoch `nameEpoch`. */
  readonly sealedName: Uint8Array
  readonly nameEpoch: number
  readonly joinedSeq: number
  /** ms since 1970. */
  readonly joinedAt: number
  readonly joinEntryHash: Uint8Array
  /** Hash of the `invite` entry it came by; `null` for who wrote the genesis. */
  readonly invite: Uint8Array | null
}

/** `used`: every use is taken. `expired`: the chain's `at` is past `expiresAt`. `void`: a removal, a leave or its author's demotion ended it. */
export type InviteState = 'open' | 'used' | 'expired' | 'revoked' | 'void'

export interface RosterInvite {
  readonly hash: Uint8Array
  readonly entry: RosterEntryOf<'invite'>
  readonly used: number
  readonly state: InviteState
}

export interface InviteIndex {
  /** Codes and keys (base64url) of every invite that ever was, neither of which is used again; codes to the hash of the entry. */
  readonly codes: Map<string, string>
  readonly keys: Set<string>
  /** Hashes (base64url) of invites that may be open, the first to expire last. */
  readonly openByExpiry: { readonly id: string; readonly expiresAt: number }[]
}

/** One life of the mesh key. */
export interface RosterEpoch {
  readonly number: number
  readonly commitment: Uint8Array
  /** Seq of the entry that began it. */
  readonly beganSeq: number
  /** The key of the epoch before, sealed under this one (72 bytes); `null` for epoch 1. */
  readonly previous: Uint8Array | null
}

/** Maps are keyed by base64url: members and removed by member key, invites by the hash of their entry. */
export interface Roster {
  readonly mesh: Uint8Array
  readonly genesis: RosterEntryOf<'genesis'>
  seq: number
  head: Uint8Array
  /** `at` of the newest entry, ms since 1970: the chain's own clock. */
  at: number
  /** Hash of every entry, by seq. */
  readonly heads: Uint8Array[]
  readonly members: Map<string, RosterMember>
  readonly removed: Map<string, { readonly at: number; readonly seq: number }>
  readonly invites: Map<string, RosterInvite>
  broker: { readonly hosts: readonly string[]; readonly key: Uint8Array } | null
  epoch: RosterEpoch
  /** Every epoch by number - 1, the present one last. */
  readonly epochs: RosterEpoch[]
  /** Somebody left who knows the present key: the first admin online writes `rekey`. */
  rekeyDue: boolean
  meshName: SealedMeshName
  /** Nothing is handed to any session since then, ms since 1970, by the word of this member. */
  pause: { readonly at: number; readonly author: Uint8Array } | null
  /** By which invites are found without looking at each; kept by the rules, of no use to a reader. */
  readonly inviteIndex: InviteIndex
}

/** The name of the mesh and the place it was sealed for. */
interface SealedMeshName {
  readonly sealed: Uint8Array
  /** The epoch under whose key it is sealed. */
  readonly epoch: number
  readonly author: Uint8Array
  /** `null` in the genesis, which is sealed before the mesh has an id. */
  readonly mesh: Uint8Array | null
}

/** A broken chain: stop there, seal nothing, exit code 7. `rule` is a stable word for what was broken. */
export const broken = (rule: string, message: string, field?: string): MeshError =>
  new MeshError('integrity', `roster: ${message}`, { field, facts: { rule } })

/** The member with this key, or a broken chain. */
export function memberOf(roster: Roster, key: Uint8Array, field: string): RosterMember {
  const member = roster.members.get(toBase64url(key))
  if (!member) throw broken('not-a-member', 'this key is no member at this point of the chain', field)
  return member
}

/** Owners at this point of the chain. */
export const countOwners = (roster: Roster): number =>
  [...roster.members.values()].filter(member => member.role === 'owner').length
