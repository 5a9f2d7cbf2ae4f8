/** What Claude's hooks tell: of the session whose token they hold; by the user's, of whichever process they run in. */
import { MeshError } from '@claudemesh/protocol/errors'
import { Hono } from 'hono'
import { ROUTES } from '../../api/routes.ts'
import { hookEvent, setStatus, waitForWake } from '../../api/session-schema.ts'
import { followInstalled } from '../by-hand.ts'
import { claudeIdOf } from '../claude-id.ts'
import type { Daemon } from '../daemon.ts'
import { followHook, sessionsOfToken } from '../follow-claude.ts'
import { type Env, readBody } from '../http.ts'

/** Statuses a session may be told to have in a window of `WINDOW_MS`. */
const MOST = 120
const WINDOW_MS = 10_000

export function hookRoutes(daemon: Daemon): Hono<Env> {
  const limited = limiter(daemon.now)
  return new Hono<Env>()
    .post(ROUTES.hook[1], async call => {
      const caller = call.get('caller')
      const event = await readBody(call, hookEvent)
      const installed = caller.kind === 'user'
      const uuid = await (installed ? followInstalled(daemon, event) : followHook(daemon, caller, event))
      if (uuid === undefined) return call.json({})
      // Told before delivery looks: what it gives in answer belongs to the turn that begins.
      daemon.status.hook(uuid, event)
      daemon.noise.hook(uuid, event)
      const output = daemon.delivery.hook(uuid, event)
      daemon.noise.offered(uuid, output)
      return call.json(output)
    })
    .post(ROUTES.waitForWake[1], async call => {
      const caller = call.get('caller')
      if (caller.kind === 'user')
        throw new MeshError('forbidden', 'A hook that waits carries the token of its session.')
      const { session_id } = await readBody(call, waitForWake)
      const seat = sessionsOfToken(daemon.sessions, caller).find(({ row }) => claudeIdOf(row) === session_id)
      if (!seat) throw new MeshError('not-found', 'No such session is open here.', { field: 'session_id' })
      const words = await daemon.delivery.waiter(seat.row.uuid, call.req.raw.signal)
      return words === undefined ? call.body(null, 204) : call.text(words)
    })
    .post(ROUTES.setStatus[1], async call => {
      const caller = call.get('caller')
      const { session_id, status } = await readBody(call, setStatus)
      limited(session_id)
      const seats = daemon.sessions.byClaudeId(session_id).filter(({ row }) => row.open)
      const own = caller.kind === 'user' ? seats : sessionsOfToken(daemon.sessions, caller)
      if (seats.length > 0 && !seats.some(({ row }) => own.some(each => each.row.uuid === row.uuid)))
        throw new MeshError('not-found', 'This token is of another session.', { field: 'session_id' })
      if (!seats[0] || !daemon.status.set(seats[0].row.uuid, status))
        throw new MeshError('not-found', 'No such session is open here.', { field: 'session_id' })
      return call.body(null, 204)
    })
}

function limiter(now: () => number): (uuid: string) => void {
  const windows = new Map<string, { began: number; count: number }>()
  return uuid => {
    const held = windows.get(uuid)
    const window = held && now() - held.began < WINDOW_MS ? held : { began: now(), count: 0 }
    window.count++
    if (windows.size > 1000) windows.clear()
    windows.set(uuid, window)
    if (window.count > MOST)
      throw new MeshError('rate', 'Too many statuses at once.', {
        retryAfterMs: window.began + WINDOW_MS - now(),
      })
  }
}
