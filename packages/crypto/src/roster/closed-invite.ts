/** What is said of an invite that lets nobody in any more, by the broker and by whoever reads the chain. */
import { MeshError } from '@claudemesh/protocol'
import type { InviteState } from './state.ts'

const WORDS: Record<Exclude<InviteState, 'open'>, string> = {
  used: 'used up: everybody it was for has joined',
  expired: 'expired',
  revoked: 'revoked by somebody who may',
  void: 'void, because a member went who may have known it',
}

/** `expired`, or `forbidden`; which of them stands in `facts.state`. */
export const closedInvite = (state: Exclude<InviteState, 'open'>): MeshError =>
  new MeshError(
    state === 'expired' ? 'expired' : 'forbidden',
    `The invite is ${WORDS[state]}. Ask for a new one.`,
    { field: 'code', facts: { state } },
  )
