/** The run: raw relay, this broker and one INSERT per message by turns, then latency, and both again with a history behind them. */
import { writeFile } from 'node:fs/promises'
import { type Child, startChild } from './child.ts'
import type { Latency, Throughput } from './load/commands.ts'
import { type Case, machine, table } from './report.ts'
import { type Stack, startStack } from './stack.ts'
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
  const base = options.smoke ? SMOKE : FULL
  const plan = { ...base, history: options.history ?? base.history }
  const stack = await startStack()
  const children: Child[] = []
  try {
    const relay = startChild('relay')
    children.push(relay)
    const { port: relayPort } = await relay.hello<{ port: number }>()
    const load = startChild('load')
    children.push(load)
    await load.hello()
    const cases = await measure({ load, relayPort, stack, plan })
    const report = { machine: machine(), cases }
    process.stdout.write(`${JSON.stringify(report.machine)}\n${table(cases)}\n`)
    if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`)
  } finally {
    for (const child of children) await child.stop()
    await stack.stop()
  }
}

interface Scene {
  readonly load: Child
  readonly relayPort: number
  readonly stack: Stack
  readonly plan: typeof FULL
}

/** What the rounds gave, one value a round: messages a second, and CPU time per message in µs. */
interface Rounds {
  readonly relay: number[]
  readonly durable: number[]
  readonly single: number[]
  readonly insert: number[]
  readonly wide: number[]
  readonly brokerCpu: number[]
  readonly postgresCpu: number[]
}

async function measure(scene: Scene): Promise<Case[]> {
  const { load, stack, plan } = scene
  const latency = () => load.ask<Latency>({ do: 'latency', ms: plan.latencyMs, perSecond: PER_SECOND })
  const sync = await load.ask<Latency>({ do: 'sync' })
  await load.ask({ do: 'join', port: stack.port, pairs: PAIRS })
  const rounds = await byTurns(scene)
  say('latency')
  const early = await latency()
  say(`${plan.history} messages of history`)
  await load.ask({ do: 'throughput', ms: Number.MAX_SAFE_INTEGER, messages: plan.history })
  const late: number[] = []
  while (late.length < plan.rounds)
    late.push((await load.ask<Throughput>({ do: 'throughput', ms: plan.ms })).perSecond)
  const behind = `${plan.history.toLocaleString('en')} behind`
  return [
    latencyCase('one write on disk', sync),
    ...throughputCases(rounds),
    speedCase(`durable, ${behind}`, late, 'durable', rounds.durable),
    latencyCase('deliver at 1,000/s', early),
    latencyCase(`deliver at 1,000/s, ${behind}`, await latency(), 'deliver at 1,000/s', early),
  ]
}

/** Every contestant in every round, one after the other: what drifts, drifts for all. */
async function byTurns({ load, relayPort, stack, plan: { ms, rounds: count } }: Scene): Promise<Rounds> {
  const rounds: Rounds = {
    relay: [],
    durable: [],
    single: [],
    insert: [],
    wide: [],
    brokerCpu: [],
    postgresCpu: [],
  }
  const insert = (connections: number, callers = PAIRS) =>
    load.ask<Throughput>({ do: 'insert', url: stack.databaseUrl, callers, connections, ms })
  for (let round = 1; round <= count; round++) {
    say(`round ${round} of ${count}`)
    const relay = await load.ask<Throughput>({ do: 'relay', port: relayPort, pairs: PAIRS, ms })
    rounds.relay.push(relay.perSecond)
    const before = stack.cpu()
    const { messages, perSecond } = await load.ask<Throughput>({ do: 'throughput', ms })
    const after = stack.cpu()
    rounds.durable.push(perSecond)
    rounds.brokerCpu.push(((after.broker - before.broker) * 1000) / messages)
    rounds.postgresCpu.push(((after.postgres - before.postgres) * 1000) / messages)
    rounds.single.push((await insert(1, 1)).perSecond)
    rounds.insert.push((await insert(POOL)).perSecond)
    rounds.wide.push((await insert(PAIRS)).perSecond)
  }
  return rounds
}

function throughputCases({ relay, durable, single, insert, wide, brokerCpu, postgresCpu }: Rounds): Case[] {
  return [
    speedCase('raw relay', relay),
    speedCase('one insert, one by one', single),
    speedCase('one insert, 64 callers', insert),
    speedCase('one insert, 64 connections', wide),
    speedCase('durable', durable, 'raw relay', relay),
    speedCase('durable', durable, 'one insert, one by one', single),
    speedCase('durable', durable, 'one insert, 64 callers', insert),
    speedCase('durable', durable, 'one insert, 64 connections', wide),
    { name: 'durable: broker', unit: 'µs CPU/msg', value: median(brokerCpu) },
    { name: 'durable: postgres', unit: 'µs CPU/msg', value: median(postgresCpu) },
  ]
}

/** The middle of the rounds; the ratio is the middle of the ratios within each round. */
function speedCase(name: string, values: number[], ratioTo?: string, base: number[] = []): Case {
  const speed = { name, unit: 'msg/s', value: median(values) } as const
  return ratioTo === undefined
    ? speed
    : { ...speed, ratioTo, ratio: median(values.map((value, i) => value / base[i]!)) }
}

function latencyCase(name: string, { p50, p99 }: Latency, ratioTo?: string, base?: Latency): Case {
  const latency = { name, unit: 'ms', value: p50, p50, p99 } as const
  return ratioTo === undefined || !base ? latency : { ...latency, ratioTo, ratio: p50 / base.p50 }
}

const say = (line: string) => process.stderr.write(`${line}\n`)
