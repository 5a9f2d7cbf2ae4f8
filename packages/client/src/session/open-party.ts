/** A session that is to be attached here from now on. */
import { equalBytes, MeshError, type Profile } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import type { SessionIdentity } from '../types.ts'
import { makeParty, type Party, type PartyStatus, PERSON } from './party.ts'

export interface OpenedSession extends SessionIdentity {
  readonly profile: Profile
  readonly status?: PartyStatus
}

/** The session as it stands, or stood here before, with what is said of it now. Throws `conflict` where it is open with another key. */
export function openParty({ parties, identity, now }: Core, session: OpenedSession): Party {
  const held = parties.get(session.uuid)
  const party = held ?? makeParty(session.uuid, identity.member.publicKey, session.signer, now())
  if (!equalBytes(party.signer.publicKey, session.signer.publicKey))
    throw new MeshError('conflict', 'this session is open with another key', { field: 'uuid' })
  party.profile = session.profile
  if (session.status) party.status = session.status
  if (session.uuids) party.uuids = session.uuids
  parties.set(session.uuid, party)
  return party
}

/** Throws `not-found` for one that is not open here, and for the person. */
export function requireParty({ parties }: Core, uuid: string): Party {
  const party = parties.get(uuid)
  if (!party || uuid === PERSON)
    throw new MeshError('not-found', 'no such session is open here', { field: 'uuid' })
  return party
}
