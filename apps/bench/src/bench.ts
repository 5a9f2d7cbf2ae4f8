/** The run: raw relay, this broker and one INSERT per message by turns, then latency, and both again with a history behind them. */
import { writeFile } from 'node:fs/promises'
import { type Child, startChild } from './child.ts'
import type { Latency, Throughput } from './load/load.ts'
import { type Case, machine, table } from './report.ts'
import { startStack } from './stack.ts'
import { median } from './stats.ts'

interface Options {
  /** Short: says that everything works, not how fast. */
  readonly smoke: boolean
  readonly json: string | undefined
  /** Delivered messages to put behind the second half; default 1,000,000. */
  readonly history: number | undefined
}

const PAIRS = 64
const PER_SECOND = 1000
/** Connections of the driver's pool where nobody says otherwise. */
const POOL = 10
const FULL = { rounds: 3, ms: 5000, latencyMs: 10_000, history: 1_000_000 }
const SMOKE = { rounds: 1, ms: 1000, latencyMs: 2000, history: 10_000 }

/** Runs everything, prints the table, writes the JSON. Fails when a message was refused, lost or out of order. */
export async function bench(options: Options): Promise<void> {
  const plan = {
    ...(options.smoke ? SMOKE : FULL),
    ...(options.history === undefined ? {} : { history: options.history }),
  }
  const stack = await startStack()
  const children: Child[] = []
  const start = async (as: 'relay' | 'load') => {
    const child = startChild(as)
    children.push(child)
    return { child, said: await child.hello<{ port?: number }>() }
  }
  try {
    const relay = await start('relay')
    const { child: load } = await start('load')
    const relayPort = relay.said.port!
    const cases = await measure(load, { relayPort, stack, plan })
    const report = { machine: machine(), cases }
    process.stdout.write(`${JSON.stringify(report.machine)}\n${table(cases)}\n`)
    if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`)
  } finally {
    for (const child of children) await child.stop()
    await stack.stop()
  }
}

interface Scene {
  readonly relayPort: number
  readonly stack: { readonly databaseUrl: string; readonly port: number }
  readonly plan: typeof FULL
}

async function measure(load: Child, { relayPort, stack, plan }: Scene): Promise<Case[]> {
  const { ms } = plan
  const throughput = (messages?: number) =>
    load.ask<Throughput>({ do: 'throughput', ms: messages ? 600_000 : ms, messages })
  const latency = () => load.ask<Latency>({ do: 'latency', ms: plan.latencyMs, perSecond: PER_SECOND })
  const insert = (callers: number, connections: number) =>
    load.ask<Throughput>({ do: 'insert', url: stack.databaseUrl, callers, connections, ms })

  await load.ask({ do: 'join', port: stack.port, pairs: PAIRS })
  const rounds = {
    relay: [] as number[],
    durable: [] as number[],
    insert: [] as number[],
    wide: [] as number[],
  }
  for (let round = 0; round < plan.rounds; round++) {
    say(`round ${round + 1} of ${plan.rounds}`)
    rounds.relay.push(
      (await load.ask<Throughput>({ do: 'relay', port: relayPort, pairs: PAIRS, ms })).perSecond,
    )
    rounds.durable.push((await throughput()).perSecond)
    rounds.insert.push((await insert(PAIRS, POOL)).perSecond)
    rounds.wide.push((await insert(PAIRS, PAIRS)).perSecond)
  }
  say('latency')
  const early = await latency()
  say(`${plan.history} messages of history`)
  await throughput(plan.history)
  const late: number[] = []
  for (let round = 0; round < plan.rounds; round++) late.push((await throughput()).perSecond)
  const lateLatency = await latency()

  const over = (values: number[], base: number[]) => median(values.map((value, i) => value / base[i]!))
  const durable = { name: 'durable', unit: 'msg/s', value: median(rounds.durable) } as const
  const behind = `${plan.history.toLocaleString('en')} behind`
  return [
    { name: 'raw relay', unit: 'msg/s', value: median(rounds.relay) },
    { name: 'one insert', unit: 'msg/s', value: median(rounds.insert) },
    { name: 'one insert, 64 connections', unit: 'msg/s', value: median(rounds.wide) },
    { ...durable, ratioTo: 'raw relay', ratio: over(rounds.durable, rounds.relay) },
    { ...durable, ratioTo: 'one insert', ratio: over(rounds.durable, rounds.insert) },
    { ...durable, ratioTo: 'one insert, 64 connections', ratio: over(rounds.durable, rounds.wide) },
    {
      ...durable,
      name: `durable, ${behind}`,
      value: median(late),
      ratioTo: 'durable',
      ratio: over(late, rounds.durable),
    },
    latencyCase('deliver at 1,000/s', early),
    {
      ...latencyCase(`deliver at 1,000/s, ${behind}`, lateLatency),
      ratioTo: 'deliver at 1,000/s',
      ratio: lateLatency.p50 / early.p50,
    },
  ]
}

const latencyCase = (name: string, { p50, p99 }: Latency): Case => ({
  name,
  unit: 'ms',
  value: p50,
  p50,
  p99,
})
const say = (line: string) => process.stderr.write(`${line}\n`)
