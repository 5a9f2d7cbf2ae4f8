/** What the pinned roster must say before anything goes over a connection: that we are a member, and that this is our broker. */
import { equalBytes, MeshError, toBase64url } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import type { RosterKeeper } from './keeper.ts'

/** Throws `removed`. */
export function requireStanding({ keeper, identity }: Pick<Core, 'keeper' | 'identity'>): void {
  if (!keeper.roster.members.has(toBase64url(identity.member.publicKey)))
    throw new MeshError('removed', 'this member was removed from the mesh')
}

/** Throws `integrity` unless the newest `broker` entry names the key that answered. */
export function requireNamedBroker({ roster }: RosterKeeper, { challenge }: Link): void {
  if (!roster.broker || !equalBytes(roster.broker.key, challenge.brokerKey))
    throw new MeshError('integrity', 'the roster names another broker key than the one that answers')
}
