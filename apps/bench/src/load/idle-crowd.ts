/** Sessions that are attached and say nothing more: daemons of some sessions each, all of a mesh at a time. */
import type { Command } from './commands.ts'
import { foundMesh } from './join-mesh.ts'

const SESSIONS_A_SOCKET = 20
const SOCKETS_A_MESH = 9

/** Attaches `sessions` in all; they stay until the process ends. */
export async function idleCrowd({ port, sessions }: Extract<Command, { do: 'idle' }>): Promise<void> {
  for (let left = sessions; left > 0; ) {
    const { daemon } = await foundMesh(port)
    const open = async (seats: number) => {
      const seat = await daemon()
      for (let n = 0; n < seats; n++) await seat()
    }
    const daemons: Promise<void>[] = []
    while (daemons.length < SOCKETS_A_MESH && left > 0) {
      const seats = Math.min(left, SESSIONS_A_SOCKET)
      daemons.push(open(seats))
      left -= seats
    }
    await Promise.all(daemons)
  }
}
