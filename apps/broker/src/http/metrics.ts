/** `/metrics` in Prometheus' text form: for this machine, or for who has the token. */
import { timingSafeEqual } from 'node:crypto'
import { MeshError } from '@claudemesh/protocol'
import type { Broker } from '../broker.ts'
import type { App } from './request-bindings.ts'

export function metricsRoute(app: App, { metrics, settings }: Broker): void {
  app.get('/metrics', async c => {
    const { METRICS_TOKEN } = settings
    if (METRICS_TOKEN === undefined ? !c.env.local : !bears(c.req.header('Authorization'), METRICS_TOKEN))
      throw new MeshError('unauthenticated', 'Metrics are for this machine, or for who has METRICS_TOKEN.')
    return c.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType })
  })
}

const bears = (header: string | undefined, token: string): boolean =>
  timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`))
const digest = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest()
