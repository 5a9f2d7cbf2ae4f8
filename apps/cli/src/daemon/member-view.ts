/** Members as they are shown. */
import { toBase64url } from '@claudemesh/protocol'
import type { OpenMesh } from './meshes.ts'
import type { Sessions } from './sessions.ts'
import { standings } from './verification.ts'
import { whoIn } from './who.ts'

export function membersOf(open: OpenMesh, sessions: Sessions) {
  const mesh = open.client.view().name
  const who = whoIn(open, sessions)
  const standing = standings(who)
  return who.members.map(({ key, name, role, joinedAt, self }) => ({
    mesh,
    name,
    member: toBase64url(key),
    role,
    joinedAt,
    self,
    ...standing(key),
  }))
}
