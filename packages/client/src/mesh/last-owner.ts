/** A mesh is never without an owner. */
import type { Roster } from '@claudemesh/crypto'
import { toBase64url } from '@claudemesh/protocol'

/** True for the only owner of the mesh. */
export function isLastOwner({ members }: Roster, member: Uint8Array): boolean {
  if (members.get(toBase64url(member))?.role !== 'owner') return false
  return [...members.values()].filter(({ role }) => role === 'owner').length === 1
}
