/** The database as a broker reaches it: each query takes time, one connection keeps the order of flushes, and an answer may be lost. */
import type { BrokerStore } from '@claudemesh/db'
import { MeshError } from '@claudemesh/protocol'
import type { Random } from './random.ts'
import type { Process, Scheduler } from './scheduler.ts'
import type { Queries, Synchronous } from './storage/index.ts'

/** How the database is at the moment. */
export interface Weather {
  /** Longest way of a question or an answer, ms. */
  latencyMs: number
  /** Share of queries whose connection breaks, before or after their commit. */
  lossy: number
}

const gone = () => new MeshError('unavailable', 'the database is gone')

/** `model` with time and failures around it, for one process. A query that was asked is done even if the process dies meanwhile. */
export function reachable(
  model: Synchronous,
  o: {
    readonly scheduler: Scheduler
    readonly random: Random
    readonly process: Process
    readonly weather: Weather
  },
): BrokerStore {
  const { scheduler, random, process, weather } = o
  const way = () => 0.05 + random.fraction() * weather.latencyMs
  const lane = { askedAt: 0, answeredAt: 0 }
  const ask = (name: keyof Queries, given: readonly unknown[]) =>
    new Promise((resolve, reject) => {
      const keepsOrder = name === 'commit'
      const at = Math.max(scheduler.time + way(), keepsOrder ? lane.askedAt : 0)
      if (keepsOrder) lane.askedAt = at
      const fails = random.chance(weather.lossy) ? random.pick(['before', 'after']) : null
      const answer = (tell: () => void) => {
        const told = Math.max(scheduler.time + way(), keepsOrder ? lane.answeredAt : 0)
        if (keepsOrder) lane.answeredAt = told
        scheduler.at(process, told, tell)
      }
      scheduler.at(null, at, () => {
        if (fails === 'before') return answer(() => reject(gone()))
        try {
          const found = (model[name] as (...given: readonly unknown[]) => unknown)(...given)
          answer(() => (fails ? reject(gone()) : resolve(found)))
        } catch (error) {
          answer(() => reject(error))
        }
      })
    })
  const queries = Object.keys(model).map(name => [
    name,
    (...given: unknown[]) => ask(name as keyof Queries, given),
  ])
  return { ...Object.fromEntries(queries), close: async () => {} } as BrokerStore
}
