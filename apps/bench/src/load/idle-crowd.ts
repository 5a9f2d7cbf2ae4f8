/** Sessions that are attached and say nothing more: daemons of some sessions each, all of a mesh at a time. */
import type { Command } from './commands.ts'
import { type FoundMesh, foundMesh } from './join-mesh.ts'
import type { LightClient, Papers } from './light-client.ts'

const SESSIONS_A_SOCKET = 20
const SOCKETS_A_MESH = 9

/** A socket and the sessions that are attached on it. */
export interface IdleDaemon {
  readonly mesh: FoundMesh
  readonly sessions: readonly Papers[]
  client: LightClient
}

/** Attaches `sessions` in all; they stay until the process ends. */
export async function idleCrowd({ port, sessions }: Extract<Command, { do: 'idle' }>): Promise<IdleDaemon[]> {
  const crowd: IdleDaemon[] = []
  for (let left = sessions; left > 0; ) {
    const mesh = await foundMesh(port)
    const daemons: Promise<IdleDaemon>[] = []
    while (daemons.length < SOCKETS_A_MESH && left > 0) {
      const seats = Math.min(left, SESSIONS_A_SOCKET)
      const papers = Array.from({ length: seats }, () => mesh.session())
      daemons.push(comeIn(mesh, papers).then(client => ({ mesh, sessions: papers, client })))
      left -= seats
    }
    crowd.push(...(await Promise.all(daemons)))
  }
  return crowd
}

/** Opens a socket and attaches these sessions on it. */
export async function comeIn(mesh: FoundMesh, sessions: readonly Papers[]): Promise<LightClient> {
  const client = await mesh.enter()
  for (const papers of sessions) await client.attach(papers)
  return client
}
