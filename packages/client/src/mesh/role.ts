/** Gives a member another role; a second owner is how a mesh is handed over. */
import { MeshError, type Role, toBase64url } from '@claudemesh/protocol'
import type { Link } from '../connection/link.ts'
import type { Core } from '../core.ts'
import { appendEntry, requireRight, signedDraft } from '../roster/append.ts'
import { isLastOwner } from './last-owner.ts'

/** True if it was written; false where the member has that role. Throws `not-found`, `forbidden` (also for the last owner), or what the broker answers. */
export async function setRole(core: Core, link: Link, member: Uint8Array, role: Role): Promise<boolean> {
  const { roster } = core.keeper
  const written = await appendEntry(link, core.keeper, () => {
    const held = roster.members.get(toBase64url(member))
    if (!held) throw new MeshError('not-found', 'no such member in this mesh', { field: 'member' })
    if (held.role === role) return null
    requireRight(core, 'role', { has: held.role, gets: role })
    if (isLastOwner(roster, member))
      throw new MeshError('forbidden', 'the last owner stays one: make somebody else an owner first', {
        field: 'role',
      })
    return signedDraft(core, 'role', { member, role })
  })
  return written !== null
}
