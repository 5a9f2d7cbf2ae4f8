/** A span for every request: its route and its status, never its path, which may hold a code or a token. */
import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import type { Tracing } from '../telemetry/tracing.ts'

/** Strangers decide nothing here: a `traceparent` of theirs is not taken, or they would choose what is sampled. */
export const traceRequests =
  (tracing: Tracing): MiddlewareHandler =>
  async (c, next) => {
    const span = tracing.start('http', { 'http.request.method': c.req.method })
    await tracing.within(span, next)
    const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path
    span.end(
      {
        ...(route === undefined ? {} : { 'http.route': route }),
        'http.response.status_code': c.res.status,
      },
      c.res.status >= 500 ? String(c.res.status) : undefined,
    )
  }
