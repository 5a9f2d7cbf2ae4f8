/** The run: a steady rate, raw relay, this broker and one INSERT per message by turns; the other parts have files of their own. */
import { writeFile } from 'node:fs/promises'
import { claudeForTests } from '@claudemesh/testkit'
import { measureAuditCost } from './audit-cost.ts'
import { type Child, startChild } from './child.ts'
import { measureDaemonPair } from './daemon-pair.ts'
import { measureDeliverAlone } from './deliver-alone.ts'
import { measureHistoryCost } from './history-cost.ts'
import { measureLargeMesh } from './large-mesh.ts'
import type { Latency, Throughput } from './load/commands.ts'
import { measureOverload } from './overload.ts'
import { fallenRatios, recordFigures } from './record.ts'
import { type Case, coreCase, latencyCase, machine, middle, say, speedCase, table } from './report.ts'
import { measureRivals } from './rivals.ts'
import { measureSessionCost } from './session-cost.ts'
import { measureShapes } from './shapes.ts'
import { type Stack, startStack } from './stack.ts'
import { median } from './stats.ts'
import { measureStorm } from './storm.ts'
import { measureVerify } from './verify-log.ts'

interface Options {
  /** Short: says that everything works, not how fast. */
  readonly smoke: boolean
  readonly json: string | undefined
  /** Delivered messages to put behind the brokers of part `history`, one broker each; default 1,000,000 and 10,000,000. */
  readonly histories: readonly number[] | undefined
  /** Parts to run; all where nothing is said. */
  readonly only: readonly string[] | undefined
  /** Folder of recorded figures that those of this run are put into. */
  readonly record: string | undefined
  /** Recorded figures that the ratios of this run are held against. */
  readonly check: string | undefined
}

const PAIRS = 64
const PER_SECOND = 1000
/** Connections of the driver's pool where nobody says otherwise. */
const POOL = 10
const FULL = { rounds: 3, ms: 5000, latencyMs: 5000 }
const SMOKE = { rounds: 1, ms: 1000, latencyMs: 2000 }
const HISTORY = {
  pairs: PAIRS,
  histories: [1_000_000, 10_000_000],
  warmUp: 300_000,
  rounds: 8,
  ms: 4000,
  perSecond: PER_SECOND,
}
const HISTORY_SMOKE = { ...HISTORY, histories: [20_000], warmUp: 5000, rounds: 1, ms: 500 }
const ALONE = { pairs: PAIRS, perSecond: PER_SECOND, warmMs: 2000, windowMs: 4000, windows: 5 }
const ALONE_SMOKE = { ...ALONE, warmMs: 200, windowMs: 300, windows: 1 }
const AUDIT = { pairs: PAIRS, rounds: 6, ms: 5000 }
const AUDIT_SMOKE = { pairs: PAIRS, rounds: 1, ms: 1000 }
const RIVALS = { pairs: PAIRS, rounds: 3, ms: 5000, latencyMs: 10_000 }
const RIVALS_SMOKE = { pairs: 8, rounds: 1, ms: 1000, latencyMs: 1000 }
const SESSIONS = { hooks: 500, starts: 40, watched: 20, idleMs: 60_000 }
const SESSIONS_SMOKE = { hooks: 20, starts: 1, watched: 5, idleMs: 2000 }
const DAEMONS = { messages: 10_000, callers: 64, alone: 4000, gentle: { messages: 200, perSecond: 20 } }
const DAEMONS_SMOKE = { messages: 200, callers: 8, alone: 20, gentle: { messages: 10, perSecond: 20 } }
const SHAPES = {
  rounds: 3,
  ms: 5000,
  rates: [100, 1000, 5000, 10_000],
  rateMs: 10_000,
  idle: [1000, 18_000],
  settleMs: 200_000,
  fan: 100,
}
const SHAPES_SMOKE = { rounds: 1, ms: 500, rates: [100], rateMs: 500, idle: [40], settleMs: 500, fan: 5 }
const OTHERS = { pairs: 8, perSecond: 100, lookMs: 5000, looks: 4 }
const OTHERS_SMOKE = { pairs: 2, perSecond: 50, lookMs: 500, looks: 1 }
const STORM = { ...OTHERS, sessions: 10_000 }
const STORM_SMOKE = { ...OTHERS_SMOKE, sessions: 200 }
const OVERLOAD = { ...OTHERS, readers: 100, letters: 120, backlog: 2_000_000 }
const OVERLOAD_SMOKE = { ...OTHERS_SMOKE, readers: 5, letters: 10, backlog: 2000 }
const VERIFY = { pairs: PAIRS, leaves: 1_000_000 }
const VERIFY_SMOKE = { pairs: PAIRS, leaves: 20_000 }
const LARGE = { members: 200, sessions: 1000, entries: 10_000, rounds: 3 }
const LARGE_SMOKE = { members: 10, sessions: 50, entries: 100, rounds: 1 }

/**
 * Runs everything asked for, prints the table, writes the JSON. Fails when a message was refused, lost or out of order, or a ratio
 * fell beyond noise.
 */
export async function bench({ smoke, json, histories, only, record, check }: Options): Promise<void> {
  if (histories?.some(each => !Number.isSafeInteger(each) || each <= 0))
    throw new Error('--history is a number of messages, or several by commas')
  const history = smoke ? HISTORY_SMOKE : HISTORY
  const parts: Record<string, () => Promise<Case[]>> = {
    broker: () => measureBroker(smoke ? SMOKE : FULL),
    deliver: () => measureDeliverAlone(smoke ? ALONE_SMOKE : ALONE),
    history: () => measureHistoryCost({ ...history, histories: histories ?? history.histories }),
    audit: () => measureAuditCost(smoke ? AUDIT_SMOKE : AUDIT),
    rivals: () => measureRivals(smoke ? RIVALS_SMOKE : RIVALS),
    shapes: () => measureShapes(smoke ? SHAPES_SMOKE : SHAPES),
    overload: () => measureOverload(smoke ? OVERLOAD_SMOKE : OVERLOAD),
    storm: () => measureStorm(smoke ? STORM_SMOKE : STORM),
    verify: () => measureVerify(smoke ? VERIFY_SMOKE : VERIFY),
    daemons: () => measureDaemonPair(smoke ? DAEMONS_SMOKE : DAEMONS),
    mesh: () => measureLargeMesh(smoke ? LARGE_SMOKE : LARGE),
    ...(claudeForTests() !== undefined && {
      sessions: () => measureSessionCost(smoke ? SESSIONS_SMOKE : SESSIONS),
    }),
  }
  const measured: Record<string, Case[]> = {}
  for (const name of only ?? Object.keys(parts)) {
    if (!parts[name]) throw new Error(`--only knows ${Object.keys(parts).join(', ')}`)
    say(name)
    const before = coreCase(`before ${name}`)
    measured[name] = [before, ...(await parts[name]()), coreCase(`behind ${name}`)]
  }
  const cases = Object.values(measured).flat()
  const report = { machine: machine(), cases }
  process.stdout.write(`${JSON.stringify(report.machine)}\n${table(cases)}\n`)
  if (json) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`)
  if (record) recordFigures(record, measured, new Date(), report.machine)
  const fallen = check ? fallenRatios(check, cases) : []
  if (fallen.length > 0) throw new Error(`slower than recorded:\n${fallen.join('\n')}`)
}

async function measureBroker(plan: typeof FULL): Promise<Case[]> {
  const stack = await startStack()
  const children: Child[] = []
  try {
    const relay = startChild('relay')
    children.push(relay)
    const { port: relayPort } = await relay.hello<{ port: number }>()
    const load = startChild('load')
    children.push(load)
    await load.hello()
    return await measure({ load, relayPort, stack, plan })
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
  readonly latency: Latency[]
  readonly relayLatency: Latency[]
  readonly insertLatency: Latency[]
  readonly preparedLatency: Latency[]
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
  const rounds = await inRounds(scene, latency)
  return [latencyCase('one write on disk', sync), ...throughputCases(rounds), ...latencyCases(rounds)]
}

/** Every contestant in every round, one after the other: what drifts, drifts for all. */
async function inRounds(
  { load, relayPort, stack, plan: { ms, latencyMs, rounds: count } }: Scene,
  latency: () => Promise<Latency>,
): Promise<Rounds> {
  const rounds: Rounds = {
    latency: [],
    relayLatency: [],
    insertLatency: [],
    preparedLatency: [],
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
    rounds.latency.push(await latency())
    const rate = { ms: latencyMs, perSecond: PER_SECOND }
    rounds.relayLatency.push(await load.ask({ do: 'relay-latency', port: relayPort, pairs: PAIRS, ...rate }))
    const one = { do: 'insert-latency', url: stack.databaseUrl, ...rate }
    rounds.insertLatency.push(await load.ask({ ...one, prepared: false, connections: POOL }))
    rounds.preparedLatency.push(await load.ask({ ...one, prepared: true, connections: 1 }))
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

/** Each the middle of its rounds; beside it the machine's own floor at the same rate: the bare relay, and one INSERT through the ORM and prepared. */
function latencyCases({ latency, relayLatency, insertLatency, preparedLatency }: Rounds): Case[] {
  const at = `at ${PER_SECOND.toLocaleString('en')}/s`
  const prepared = middle(preparedLatency)
  return [
    latencyCase(`raw relay ${at}`, middle(relayLatency)),
    latencyCase(`one insert ${at}`, middle(insertLatency)),
    latencyCase(`one prepared insert ${at}`, prepared),
    latencyCase(`deliver ${at}`, middle(latency), `one prepared insert ${at}`, prepared),
  ]
}
