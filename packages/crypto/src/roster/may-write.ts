/** THE table of who may write which roster entry (protocol section 3). */
import type { Role, RosterKind } from '@claudemesh/protocol'

/** What the entry is about, where its kind needs it. */
export interface WriteTarget {
  /** `remove`, `role`: the role that the member spoken of has now. */
  readonly has?: Role
  /** `role`: the role it gets; `invite`: the role that joining gives. */
  readonly gets?: Role
  /** `remove`: the author speaks of itself. */
  readonly self?: boolean
}

const RANK = { viewer: 0, member: 1, admin: 2, owner: 3 } as const satisfies Record<Role, number>
const plain = (role: Role | undefined) => role === 'member' || role === 'viewer'
const admin = (role: Role) => RANK[role] >= RANK.admin

const TABLE: Record<RosterKind, (author: Role, target: WriteTarget) => boolean> = {
  /** Stands first or nowhere. */
  genesis: () => false,
  broker: author => author === 'owner',
  invite: (author, { gets }) =>
    admin(author) && gets !== undefined && gets !== 'owner' && RANK[gets] <= RANK[author],
  'invite-revoke': admin,
  /** Written by who is no member yet. */
  join: () => false,
  rename: () => true,
  'mesh-rename': author => author === 'owner',
  pause: admin,
  role: (author, { has, gets }) => author === 'owner' || (author === 'admin' && plain(has) && plain(gets)),
  rekey: admin,
  remove: (author, { has, self }) =>
    self === true || author === 'owner' || (author === 'admin' && plain(has)),
}

/**
 * Whether a member with the role `author` may write an entry of this kind about this target.
 * Rules beyond roles (the last owner stays, an invite is open, …) are in `applyEntry`.
 */
export const mayWrite = (kind: RosterKind, author: Role, target: WriteTarget = {}): boolean =>
  TABLE[kind]?.(author, target) ?? false
