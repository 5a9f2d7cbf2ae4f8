/** Headers of every answer, and the Origins that may ask: a page from elsewhere gets nothing. */
import { MeshError } from '@claudemesh/protocol'
import type { MiddlewareHandler } from 'hono'
import type { Broker } from '../broker.ts'

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'interest-cohort=()',
  'Cache-Control': 'no-store',
}

/** True where a request may come from this `Origin`: none at all, a page of this broker, or one of `ALLOWED_ORIGINS`. */
export function originAllowed({ hosts, settings }: Broker, origin: string | null): boolean {
  if (origin === null) return true
  const asked = origin.toLowerCase()
  return (
    settings.ALLOWED_ORIGINS.includes(asked) ||
    hosts.some(host => asked === `https://${host}` || asked === `http://${host}`)
  )
}

export const securityHeaders =
  (broker: Broker): MiddlewareHandler =>
  async (c, next) => {
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value)
    if (!originAllowed(broker, c.req.header('Origin') ?? null))
      throw new MeshError('forbidden', 'This Origin is not allowed.')
    await next()
  }
