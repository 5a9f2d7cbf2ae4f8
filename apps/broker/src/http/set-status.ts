/** `POST /hook/set-status`: a session's status by its hook token; what it says of directories and pids is neither kept nor logged. */
import { MeshError, parseAs, presenceStatus, uuid } from '@claudemesh/protocol'
import { z } from 'zod'
import type { Broker } from '../broker.ts'
import { bytesIndex } from '../delivery/recipient-index.ts'
import { statusLimits } from '../presence/hook-status.ts'
import { bearerToken, hookTokenHash } from '../presence/hook-token.ts'
import { tellPresence } from '../presence/tell-presence.ts'
import { readJson } from './read-json.ts'
import type { App } from './request-bindings.ts'

const BODY_BYTES = 4096
const request = z.object({ session_id: uuid, status: presenceStatus })

export function setStatusRoute(app: App, broker: Broker): void {
  app.post('/hook/set-status', async c => {
    const token = bearerToken(c.req.header('Authorization') ?? null)
    if (token === undefined)
      throw new MeshError('unauthenticated', 'A hook token is expected: Authorization: Bearer …')
    const now = broker.clock.now()
    const tokenHash = hookTokenHash(token)
    const wait = broker.rates.hooks.take(bytesIndex(tokenHash), 1, now)
    if (wait > 0) throw new MeshError('rate', 'Too many statuses of this session.', { retryAfterMs: wait })
    const parsed = parseAs(request, await readJson(c.req.raw, BODY_BYTES))
    if (!parsed.success) {
      const field = parsed.error.issues[0]?.path.join('.') ?? ''
      throw new MeshError(
        'bad-field',
        'session_id, a UUID, and status, one of the words of presence, are expected.',
        { field },
      )
    }
    const { session_id, status } = parsed.data
    const seat = await broker.db.setHookStatus({ tokenHash, uuid: session_id, status, now })
    const tell = () => tellPresence(broker, seat.mesh, [seat.recipient])
    const { hookFreshMs, workingTtlMs } = statusLimits(broker.settings)
    broker.hookLapses.begin(bytesIndex(tokenHash), [hookFreshMs, workingTtlMs], tell)
    tell()
    return c.body(null, 204)
  })
}
