/** Sessions that nobody launched: `claudemesh hooks install` has every claude of the user tell the daemon of itself. */
import { LIMITS, MeshError } from '@claudemesh/protocol'
import { tokenNameOf } from './claude-id.ts'
import type { Daemon } from './daemon.ts'
import { type FollowedHook, followHook } from './follow-claude.ts'
import type { Seated } from './known-sessions.ts'
import { isAlive } from './process-identity.ts'

export interface InstalledHook extends FollowedHook {
  /** Which mesh the hooks were installed for; absent: the only one joined. */
  readonly mesh?: string | undefined
}

/**
 * Row UUID of the session that the hook's process is in: opened by the first hook that tells of it, closed when the process has
 * ended. `undefined` for the last words of a session nobody knew. Throws `forbidden` for a hook that names no process, what
 * opening a session throws, and `not-found` or `ambiguous` where it is not clear which mesh is meant.
 */
export async function followInstalled(daemon: Daemon, hook: InstalledHook): Promise<string | undefined> {
  const { pid, session_id: uuid, cwd } = hook
  if (pid === undefined) throw new MeshError('forbidden', "Hooks carry their session's token.")
  const [seat] = seatsOf(daemon, pid)
  if (seat !== undefined) {
    const { row } = seat
    return followHook(daemon, { kind: 'session', uuid: row.uuid, tokenName: tokenNameOf(row) }, hook)
  }
  if (hook.hook_event_name === 'SessionEnd') return undefined
  const opened = await daemon.sessions.open(daemon.meshes.find(hook.mesh), {
    uuid,
    name: undefined,
    profile: cwd === undefined ? {} : { directory: cwd.slice(0, LIMITS.directoryChars) },
    kind: 'claude',
    deliver: 'push',
    pid,
  })
  daemon.sessions.ranBy(opened, pid)
  return opened.row.uuid
}

/** Path of the token file of the session that this process runs. Throws `not-found`. */
export function tokenFileOf(daemon: Daemon, pid: number): { uuid: string; tokenFile: string } {
  const [seat] = seatsOf(daemon, pid)
  if (seat === undefined)
    throw new MeshError(
      'not-found',
      'This session is not on the mesh: its hooks have not reached the daemon. `claudemesh hooks status` says why.',
      { field: 'pid' },
    )
  return { uuid: seat.row.uuid, tokenFile: daemon.paths.sessionToken(tokenNameOf(seat.row)) }
}

const seatsOf = ({ sessions }: Daemon, pid: number): Seated[] =>
  sessions
    .all()
    .filter(({ row }) => row.open && row.kind === 'claude' && row.pid === pid)
    .filter(({ row }) => row.processIdentity === null || isAlive(pid, row.processIdentity))
