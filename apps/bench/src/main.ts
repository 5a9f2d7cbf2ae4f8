/** Entry of the bench and, by `--as`, of the processes it starts: relay and load each have a process of their own. */
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    as: { type: 'string', default: 'bench' },
    smoke: { type: 'boolean', default: false },
    json: { type: 'string' },
    history: { type: 'string' },
    only: { type: 'string' },
    record: { type: 'string' },
    check: { type: 'string' },
  },
})

switch (values.as) {
  case 'relay': {
    const { relay } = await import('./relay.ts')
    relay()
    break
  }
  case 'load': {
    const { load } = await import('./load/load.ts')
    load()
    break
  }
  default: {
    const { bench } = await import('./bench.ts')
    await bench({
      smoke: values.smoke,
      json: values.json,
      histories: values.history?.split(',').map(Number),
      only: values.only?.split(','),
      record: values.record,
      check: values.check,
    })
  }
}
