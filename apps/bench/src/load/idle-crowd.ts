/** Sessions that are attached and say nothing more: daemons of some sessions each, in meshes of some daemons. */
import type { Command } from './commands.ts'
import { foundMesh } from './join-mesh.ts'

const SESSIONS_A_SOCKET = 20
const SOCKETS_A_MESH = 9

/** Attaches `sessions` in all; they stay until the process ends. */
export async function idleCrowd({ port, sessions }: Extract<Command, { do: 'idle' }>): Promise<void> {
  for (let left = sessions; left > 0; ) {
    const { daemon } = await foundMesh(port)
    for (let socket = 0; socket < SOCKETS_A_MESH && left > 0; socket++) {
      const seat = await daemon()
      for (let n = 0; n < SESSIONS_A_SOCKET && left > 0; n++, left--) await seat()
    }
  }
}
