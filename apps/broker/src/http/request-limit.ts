/** Requests of one address are counted before anything is done for them. */
import { MeshError } from '@claudemesh/protocol'
import type { MiddlewareHandler } from 'hono'
import type { Broker } from '../broker.ts'
import type { RequestBindings } from './request-bindings.ts'

export const requestLimit =
  ({ rates, clock }: Broker): MiddlewareHandler<{ Bindings: RequestBindings }> =>
  async (c, next) => {
    const wait = rates.address.take(c.env.address, 1, clock.now())
    if (wait > 0) throw new MeshError('rate', 'Too many requests from this address.', { retryAfterMs: wait })
    await next()
  }
