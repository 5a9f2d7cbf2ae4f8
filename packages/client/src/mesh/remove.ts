/** Takes a member out and begins the next epoch in the same entry; or leaves, without knowing the next key. */
import { mayWrite, signRosterEntry } from '@claudemesh/crypto'
import { CLOSE, equalBytes, MeshError, toBase64url } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { appendEntry, nextPlace } from '../roster/append.ts'
import { draftEpoch } from './epoch-drafts.ts'

/** Throws `not-found`, `forbidden`, or what the broker answers. */
export async function removeMember(core: Core, link: Link, member: Uint8Array): Promise<void> {
  const { keeper, identity, now } = core
  const author = identity.member.publicKey
  if (equalBytes(member, author))
    throw new MeshError('usage', 'who removes themself leaves', { field: 'member' })
  await appendEntry(link, keeper, () => {
    const target = keeper.roster.members.get(toBase64url(member))
    const self = keeper.roster.members.get(toBase64url(author))
    if (!target) throw new MeshError('not-found', 'no such member in this mesh', { field: 'member' })
    if (!self || !mayWrite('remove', self.role, { has: target.role, self: false }))
      throw new MeshError('forbidden', `a ${self?.role ?? 'stranger'} may not remove a ${target.role}`)
    const place = nextPlace(keeper, now())
    const { epoch, copies } = draftEpoch(keeper, place.at, member)
    return {
      entry: signRosterEntry({ ...place, kind: 'remove', author, body: { member, epoch } }, identity.member),
      copies,
    }
  })
}

/** Throws `forbidden` for the last owner. */
export async function leaveMesh(core: Core, link: Link): Promise<void> {
  const { keeper, identity, now } = core
  const member = identity.member.publicKey
  const { members } = keeper.roster
  const owners = [...members.values()].filter(one => one.role === 'owner')
  if (owners.length === 1 && equalBytes(owners[0]!.key, member))
    throw new MeshError('forbidden', 'the last owner cannot leave: make somebody else an owner first')
  try {
    await appendEntry(link, keeper, () => {
      const place = nextPlace(keeper, now())
      const body = { member, epoch: null }
      const entry = signRosterEntry({ ...place, kind: 'remove', author: member, body }, identity.member)
      return { entry, copies: null }
    })
  } catch (error) {
    // The socket of who has left is closed at once, maybe before the answer.
    const closed = error instanceof MeshError && error.code === 'unreachable' ? await link.closed : null
    if (closed?.code !== CLOSE.removed.code) throw error
  }
}
