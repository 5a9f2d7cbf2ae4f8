/** The mesh as it is shown: what the roster, the directory and the connection say at this moment. */
import { recipientKey } from '@claudemesh/crypto'
import { toBase64url } from '@claudemesh/protocol'
import type { Core } from './core.ts'
import { memberName, meshName } from './roster/names.ts'
import type { MemberView, MeshPause, MeshView, SessionView } from './types.ts'

/** The broker tells nobody of what came by their own socket: what is attached here is online. */
export function viewPeers({ directory, identity, parties }: Core): SessionView[] {
  const attached = new Set([...parties.values()].flatMap(({ key, attachment }) => (attachment ? [key] : [])))
  return directory
    .sessions(identity.member.publicKey)
    .map(view => (attached.has(recipientKey(view.recipient)) ? { ...view, lease: 'online' } : view))
}

export function viewMembers({ keeper, identity }: Core): MemberView[] {
  const self = toBase64url(identity.member.publicKey)
  return [...keeper.roster.members.values()].map(member => ({
    key: member.key,
    name: memberName(keeper, member),
    role: member.role,
    joinedAt: member.joinedAt,
    self: toBase64url(member.key) === self,
  }))
}

export function viewMesh(
  { keeper, claims, identity, address }: Core,
  connected: { readonly clockOffsetMs: number | null; readonly problems: ReadonlyMap<string, string> },
): MeshView {
  const { roster } = keeper
  const self = roster.members.get(toBase64url(identity.member.publicKey))
  return {
    mesh: identity.mesh,
    name: meshName(keeper),
    url: address.url,
    host: address.host,
    member: identity.member.publicKey,
    memberName: self ? memberName(keeper, self) : '',
    role: self?.role ?? null,
    members: roster.members.size,
    rosterSeq: roster.seq,
    epoch: roster.epoch.number,
    clockOffsetMs: connected.clockOffsetMs,
    unconfirmedSince: claims.unconfirmedSince,
    problems: [
      ...[...connected.problems].map(([code, message]) => ({ code, message })),
      ...claims.problems(),
    ],
  }
}

export function viewPause({ keeper }: Core): MeshPause | null {
  const { pause, members } = keeper.roster
  if (!pause) return null
  const by = members.get(toBase64url(pause.author))
  return { since: pause.at, by: pause.author, byName: by ? memberName(keeper, by) : '' }
}
