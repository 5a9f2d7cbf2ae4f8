/** Everybody in a mesh, as it stands now: own sessions as this machine knows them, others as they proved themselves. */
import { recipientKey } from '@claudemesh/crypto'
import type { Who } from './labels.ts'
import type { OpenMesh } from './meshes.ts'
import type { Sessions } from './sessions.ts'
import { confirmedKeysOf } from './store/confirmed-keys.ts'

/** Whose names stand in a mesh, and which of them a person confirmed. */
export const bearersIn = ({ client, store }: OpenMesh): Omit<Who, 'sessions'> => ({
  members: client.members(),
  confirmed: confirmedKeysOf(store.scope).all(),
})

export function whoIn(mesh: OpenMesh, sessions: Sessions): Who {
  const own = sessions.views(mesh)
  const ours = new Set(own.map(view => recipientKey(view.recipient)))
  const others = mesh.client.peers().filter(view => !ours.has(recipientKey(view.recipient)))
  return { ...bearersIn(mesh), sessions: [...own, ...others] }
}
