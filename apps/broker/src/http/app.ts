/** The HTTP side of the broker: one file a route, the same headers on every answer, errors without an inside. */
import { ERRORS } from '@claudemesh/protocol'
import { Hono } from 'hono'
import type { Broker } from '../broker.ts'
import { asMeshError } from '../ws/error-frame.ts'
import { healthRoutes } from './health.ts'
import { invitePage } from './invite-page.ts'
import { metricsRoute } from './metrics.ts'
import type { App, RequestBindings } from './request-bindings.ts'
import { requestLimit } from './request-limit.ts'
import { securityHeaders } from './security-headers.ts'
import { setStatusRoute } from './set-status.ts'
import { traceRequests } from './trace-requests.ts'

/** All routes but /ws. */
export function httpApp(broker: Broker): App {
  const app: App = new Hono<{ Bindings: RequestBindings }>()
  if (broker.tracing !== undefined) app.use(traceRequests(broker.tracing))
  app.use(securityHeaders(broker))
  app.use(requestLimit(broker))
  healthRoutes(app, broker)
  metricsRoute(app, broker)
  invitePage(app)
  setStatusRoute(app, broker)
  app.notFound(c => c.json({ error: { code: 'not-found', message: 'No such page.' } }, 404))
  app.onError((cause, c) => {
    const error = asMeshError(cause)
    if (error.code === 'internal') broker.log.error('http.failed', cause)
    broker.metrics.refused(error.code)
    if (error.retryAfterMs !== undefined)
      c.header('Retry-After', String(Math.ceil(error.retryAfterMs / 1000)))
    return c.json(
      {
        error: {
          code: error.code,
          message: error.message,
          ...(error.field === undefined ? {} : { field: error.field }),
        },
      },
      ERRORS[error.code].http,
    )
  })
  return app
}
