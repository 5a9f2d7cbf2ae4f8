/** `/live`: the process runs. `/ready`: it takes mail now. `/health`: both, in words. */
import type { Broker } from '../broker.ts'
import type { App } from './request-bindings.ts'

/** How long the database may take to answer, ms. */
const PATIENCE_MS = 2000

export function healthRoutes(app: App, broker: Broker): void {
  app.get('/live', c => c.json({ live: true }))
  app.get('/ready', async c => {
    const state = await readiness(broker)
    return c.json({ ready: state === 'ready', state, ...backplaneOf(broker) }, state === 'ready' ? 200 : 503)
  })
  app.get('/health', async c => {
    const state = await readiness(broker)
    return c.json(
      { live: true, ready: state === 'ready', state, ...backplaneOf(broker) },
      state === 'ready' ? 200 : 503,
    )
  })
}

async function readiness({ draining, db, clock }: Broker): Promise<'ready' | 'draining' | 'no-database'> {
  if (draining) return 'draining'
  const late = Promise.withResolvers<boolean>()
  const stop = clock.after(PATIENCE_MS, () => late.resolve(false))
  const answers = db.answers().then(
    () => true,
    () => false,
  )
  const there = await Promise.race([answers, late.promise])
  stop()
  return there ? 'ready' : 'no-database'
}

/** Said where one is set: without it mail between nodes is slower and none is lost, so the broker stays ready. */
const backplaneOf = ({ backplane: { state } }: Broker) => (state === 'none' ? {} : { backplane: state })
