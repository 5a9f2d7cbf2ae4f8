/** Takes a member out and begins the next epoch in the same entry; or leaves, without knowing the next key. */
import { CLOSE, equalBytes, MeshError, toBase64url } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { appendEntry, entryTime, requireRight, signedDraft } from '../roster/append.ts'
import { draftEpoch } from './epoch-drafts.ts'
import { isLastOwner } from './last-owner.ts'

/** Throws `not-found`, `forbidden`, or what the broker answers. */
export async function removeMember(
  core: Pick<Core, 'keeper' | 'identity' | 'now'>,
  link: Link,
  member: Uint8Array,
): Promise<void> {
  const { keeper, identity } = core
  if (equalBytes(member, identity.member.publicKey))
    throw new MeshError('usage', 'who removes themself leaves', { field: 'member' })
  await appendEntry(link, keeper, () => {
    const target = keeper.roster.members.get(toBase64url(member))
    if (!target) throw new MeshError('not-found', 'no such member in this mesh', { field: 'member' })
    requireRight(core, 'remove', { has: target.role, self: false })
    const at = entryTime(core)
    const { epoch, copies } = draftEpoch(keeper, at, member)
    return signedDraft(core, 'remove', { member, epoch }, { copies, at })
  })
}

/** Throws `forbidden` for the last owner. */
export async function leaveMesh(core: Core, link: Link): Promise<void> {
  const { keeper, identity } = core
  const member = identity.member.publicKey
  try {
    await appendEntry(link, keeper, () => {
      if (isLastOwner(keeper.roster, member))
        throw new MeshError('forbidden', 'the last owner cannot leave: make somebody else an owner first')
      return signedDraft(core, 'remove', { member, epoch: null })
    })
  } catch (error) {
    // The socket of who has left is closed at once, maybe before the answer.
    const closed = error instanceof MeshError && error.code === 'unreachable' ? await link.closed : null
    if (closed?.code !== CLOSE.removed.code) throw error
  }
}
