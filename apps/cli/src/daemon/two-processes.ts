/**
 * One session in two processes (`claude --resume` beside a running one): each writes on in its own branch of the transcript and neither
 * sees the other's turns (claude-code.md). Nothing is handed to either until one of them has ended, and everybody is told.
 */
import type { Daemon } from './daemon.ts'
import type { OpenMesh } from './meshes.ts'

/** One line for each session of the mesh that runs twice. */
export const runningTwice = ({ sessions, status }: Pick<Daemon, 'sessions' | 'status'>, mesh: OpenMesh) =>
  sessions.of(mesh).flatMap(({ row }) => {
    const pids = row.open ? status.processesOf(row.uuid) : []
    return pids.length < 2
      ? []
      : [
          `${row.name} runs in processes ${pids.join(' and ')}: neither is given messages until one of them ends`,
        ]
  })
