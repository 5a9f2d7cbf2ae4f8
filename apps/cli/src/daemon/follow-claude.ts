/**
 * Follows Claude's processes from one conversation to the next: whose hook it is, and what becomes of the session.
 *
 * `/clear` goes on under a new UUID and stays the session it was. `/resume` and `/branch` leave it closed and sit down in the other
 * one. A copy in a process of its own (`/fork`, `/background`) is a session of its own; it may begin after its original has ended, and
 * be started again by its supervisor (claude-code.md, measured on 2.1.329).
 */

import { claudeIdOf, hasUuid, tokenNameOf } from './claude-id.ts'
import type { Seated } from './known-sessions.ts'
import type { DaemonLog } from './log.ts'
import { isAlive, processIdentity } from './process-identity.ts'
import { isRunning } from './session-row.ts'
import type { Sessions } from './sessions.ts'
import type { SessionRow } from './store/session-rows.ts'
import type { Caller, SessionCaller } from './tokens.ts'

export interface FollowedHook {
  readonly session_id: string
  readonly hook_event_name: string
  /** SessionStart: startup, resume, clear, compact, fork. */
  readonly source?: string | undefined
  readonly cwd?: string | undefined
  /** Claude's own process (`CLAUDE_PID`), where the hook could tell. */
  readonly pid?: number | undefined
}

interface Followed {
  readonly sessions: Sessions
  readonly log: DaemonLog
}

/**
 * Row UUID of the open session that the hook is of, once it has been followed there; `undefined` for a hook of a conversation that
 * is no session of this process any more. Throws what opening a session throws.
 */
export async function followHook(
  { sessions, log }: Followed,
  caller: SessionCaller,
  hook: FollowedHook,
): Promise<string | undefined> {
  const ours = sessionsOfToken(sessions, caller)
  const here = ours.filter(({ row }) => claudeIdOf(row) === hook.session_id)
  if (here.length > 0) {
    const { pid } = hook
    if (hook.hook_event_name === 'SessionStart' && pid !== undefined)
      for (const seat of here) if (mayBeRunBy(seat.row, pid)) sessions.ranBy(seat, pid)
    return here[0]!.row.uuid
  }
  if (hook.hook_event_name === 'SessionEnd') return undefined
  const seats = seatsOfProcess(ours, caller, hook.pid)
  if (seats.length === 0)
    return hook.hook_event_name === 'SessionStart' ? introduce(sessions, caller, hook) : undefined
  if (hook.hook_event_name === 'SessionStart' && hook.source === 'clear') {
    for (const seat of seats) sessions.goOn(seat, hook.session_id)
    return seats[0]!.row.uuid
  }
  // Without a pid only a start tells that the process moved; another process may hold the same token.
  if (hook.hook_event_name !== 'SessionStart' && hook.pid === undefined) return undefined
  return sitDown({ sessions, log }, seats, hook)
}

/** Open sessions that the bearer of this token may speak for: the one it was made for, and copies that came by it. */
export const sessionsOfToken = (sessions: Sessions, { uuid, tokenName }: SessionCaller): Seated[] =>
  sessions.all().filter(({ row }) => row.open && (row.uuid === uuid || row.introducedBy === tokenName))

/** A copy carries the token of the session it was copied from: it speaks for itself by the UUID that Claude gave its process. */
export function copyThatCalls(sessions: Sessions, caller: Caller, claudeId: string | undefined): Caller {
  if (caller.kind === 'user' || claudeId === undefined) return caller
  const copy = sessionsOfToken(sessions, caller).find(
    ({ row }) => row.introducedBy === caller.tokenName && hasUuid(row, claudeId),
  )
  return copy ? { ...caller, uuid: copy.row.uuid } : caller
}

/** What the process of the hook ran last; the token's own session where nobody knows its process. */
function seatsOfProcess(ours: readonly Seated[], { uuid }: SessionCaller, pid: number | undefined): Seated[] {
  const exactly = ours.filter(({ row }) => pid !== undefined && row.claudePid === pid)
  if (exactly.length > 0) return exactly
  return ours.filter(({ row }) => row.uuid === uuid && (pid === undefined || row.claudePid === null))
}

/** Not while the process lives that was known to run it. */
const mayBeRunBy = ({ claudePid, claudeIdentity }: SessionRow, pid: number): boolean =>
  claudePid === null || claudeIdentity === null || claudePid === pid || !isAlive(claudePid, claudeIdentity)

/** The process went to another conversation: that one is opened, and the one it left is closed. */
async function sitDown(
  { sessions, log }: Followed,
  seats: readonly Seated[],
  hook: FollowedHook,
): Promise<string | undefined> {
  const { session_id: uuid, pid } = hook
  let opened: string | undefined
  for (const { mesh, row } of seats) {
    const [taken] = sessions.byClaudeId(uuid, mesh)
    if (taken?.row.open && isRunning(taken.row)) {
      log('session.two-processes', { mesh: mesh.id, session: taken.row.uuid, pid })
    } else {
      const { deliver, name, role, groups, directory } = row
      const seat = await sessions.open(mesh, {
        uuid,
        name: undefined,
        like: name,
        profile: taken ? {} : { role, groups, directory },
        kind: 'claude',
        deliver,
        pid: row.pid ?? undefined,
        tokenName: tokenNameOf(row),
        ...(row.introducedBy !== null && { introducedBy: row.introducedBy }),
      })
      if (pid !== undefined) sessions.ranBy(seat, pid)
      opened = seat.row.uuid
    }
    const left = sessions.byUuid(row.uuid, mesh)[0]
    if (left?.row.open) sessions.close(left)
  }
  return opened
}

/** A copy in a process of its own, in each mesh of the session whose token it carries. */
async function introduce(
  sessions: Sessions,
  caller: SessionCaller,
  { session_id: uuid, pid, cwd, source }: FollowedHook,
): Promise<string | undefined> {
  if (pid === undefined || processIdentity(pid) === undefined) return undefined
  const isBack = sessions.byClaudeId(uuid).some(({ row }) => row.introducedBy === caller.tokenName)
  if (source !== 'fork' && !isBack) return undefined
  let opened: string | undefined
  const originals = sessions.byUuid(caller.uuid).toSorted((a, b) => b.row.usedAt - a.row.usedAt)
  const open = originals.filter(({ row }) => row.open)
  for (const { mesh, row } of open.length > 0 ? open : originals.slice(0, 1)) {
    const { deliver, name, role, groups, directory } = row
    const seat = await sessions.open(mesh, {
      uuid,
      name: undefined,
      like: name,
      profile: { role, groups, directory: cwd ?? directory },
      kind: 'claude',
      deliver,
      pid,
      introducedBy: caller.tokenName,
    })
    sessions.ranBy(seat, pid)
    opened = seat.row.uuid
  }
  return opened
}
