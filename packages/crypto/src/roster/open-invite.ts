/** Whether an invite still lets somebody in, and what is said where it does not: by the broker and by whoever reads the chain. */
import { MeshError } from '@claudemesh/protocol'
import type { InviteState, RosterInvite } from './state.ts'

const WORDS: Record<Exclude<InviteState, 'open'>, string> = {
  used: 'used up: everybody it was for has joined',
  expired: 'expired',
  revoked: 'revoked by somebody who may',
  void: 'void, because a member went who may have known it',
}

/**
 * Throws `expired`, or `forbidden` with `facts.state`, unless it is open at `now` (ms). An invite that ended by its time is told as
 * expired, also where an admin's client has revoked it since to tidy up.
 */
export function requireOpenInvite({ state, entry }: RosterInvite, now: number): void {
  const isPast = entry.body.expiresAt < now
  const told = isPast && (state === 'open' || state === 'revoked') ? 'expired' : state
  if (told === 'open') return
  throw new MeshError(
    told === 'expired' ? 'expired' : 'forbidden',
    `The invite is ${WORDS[told]}. Ask for a new one.`,
    { field: 'code', facts: { state: told } },
  )
}
