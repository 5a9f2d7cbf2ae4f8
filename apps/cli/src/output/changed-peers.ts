/** What changed between two looks at the peers, as a person is told of it: who came, who left, what somebody says of themself. */
import { isDeepStrictEqual } from 'node:util'
import type { Peer } from '../api/schema.ts'

export interface PeerChange {
  readonly peer: Peer
  /** It is no more: a session forgotten, a member removed. */
  readonly gone: boolean
}

/**
 * A session that is away has not left: who comes back within the grace of 90 s was never gone. One's own is here while it is open,
 * whether the broker holds it already or not.
 */
const isHere = ({ lease, status, session, self }: Peer): boolean =>
  session !== null && status !== 'closed' && (self || lease !== 'offline')

/** What is worth a line; that a status was confirmed, or how, is not, and nothing is of who is not here. */
const told = (peer: Peer): unknown => {
  const { lease: _, online: _o, statusAt: _t, statusSource: _s, ...words } = peer
  return isHere(peer) ? words : { name: peer.name, uuid: peer.uuid, verified: peer.verified }
}

/** Whoever came, left or changed, each once, in the order of `now`; then those that are no more. Nobody of `before`: everybody. */
export function changedPeers(before: readonly Peer[] | undefined, now: readonly Peer[]): PeerChange[] {
  const known = new Map(before?.map(peer => [keyOf(peer), peer]))
  const changed = now.filter(peer => {
    const last = known.get(keyOf(peer))
    return !last || isHere(last) !== isHere(peer) || !isDeepStrictEqual(told(last), told(peer))
  })
  const still = new Set(now.map(keyOf))
  const gone = (before ?? []).filter(peer => !still.has(keyOf(peer)))
  return [...changed.map(peer => ({ peer, gone: false })), ...gone.map(peer => ({ peer, gone: true }))]
}

const keyOf = ({ mesh, session, member }: Peer): string => `${mesh}/${session ?? member}`
