/** This broker beside NATS JetStream and Redis streams, both on files: envelopes of the same size, every one acknowledged, queues that forget what was. */
import { jetStream, jetStreamKnows } from './jetstream-rival.ts'
import { redisServer, redisStreams } from './redis-rival.ts'
import { type Case, say, speedCase } from './report.ts'
import { PER_SECOND, type Rival, type RivalLoad, startLoad } from './rival.ts'
import { startStack } from './stack.ts'
import { median } from './stats.ts'

export interface RivalsPlan {
  readonly pairs: number
  readonly rounds: number
  readonly ms: number
  readonly latencyMs: number
}

/** All by turns. What this machine lacks is told and left out: a nats-server or one that can sync (2.10 and newer), a redis-server. */
export async function measureRivals({ pairs, rounds, ms, latencyMs }: RivalsPlan): Promise<Case[]> {
  const rivals: Rival[] = []
  try {
    const load = { pairs, ms, latencyMs }
    rivals.push(await ourselves(load))
    for (const synced of [true, false]) {
      if (jetStreamKnows(synced)) rivals.push(await jetStream(synced, load))
      else say(`left out: no nats-server that takes ${synced ? 'sync_interval: always' : 'jetstream'}`)
      if (redisServer !== null) rivals.push(await redisStreams(synced, load))
    }
    if (redisServer === null) say('left out: no redis-server')
    const speeds = rivals.map((): number[] => [])
    const costs = rivals.map((): number[] => [])
    for (let round = 0; round < rounds; round++)
      for (const [i, rival] of rivals.entries()) {
        const before = rival.cpu()
        const { messages, perSecond } = await rival.throughput()
        speeds[i]!.push(perSecond)
        costs[i]!.push(((rival.cpu() - before) * 1000) / messages)
      }
    const cases: Case[] = []
    for (const [i, rival] of rivals.entries()) {
      const [base, our] = [rivals[0]!.name, speeds[0]!]
      cases.push(i === 0 ? speedCase(base, our) : speedCase(rival.name, speeds[i]!, base, our))
      cases.push({ name: `${rival.name}: server`, unit: 'µs CPU/msg', value: median(costs[i]!) })
      const { p50, p99 } = await rival.latency()
      cases.push({ name: `${rival.name}, at 1,000/s`, unit: 'ms', value: p50, p50, p99 })
    }
    return cases
  } finally {
    for (const rival of rivals) await rival.stop()
  }
}

async function ourselves({ pairs, ms, latencyMs }: RivalLoad): Promise<Rival> {
  const stack = await startStack()
  const load = await startLoad()
  await load.ask({ do: 'join', port: stack.port, pairs })
  return {
    name: 'durable',
    throughput: () => load.ask({ do: 'throughput', ms }),
    latency: () => load.ask({ do: 'latency', ms: latencyMs, perSecond: PER_SECOND }),
    cpu: () => stack.cpu().broker + stack.cpu().postgres,
    stop: async () => {
      await load.stop()
      await stack.stop()
    },
  }
}
