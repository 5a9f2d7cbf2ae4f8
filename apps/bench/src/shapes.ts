/** What the shape of the load does: sizes one to one beside the bare relay, one to many, many to one, steady rates, idle sessions. */
import { type Child, startChild } from './child.ts'
import type { Flow, Latency, Shape, Throughput } from './load/commands.ts'
import { type Case, say, speedCase } from './report.ts'
import { type Stack, startStack } from './stack.ts'

export interface ShapesPlan {
  readonly rounds: number
  readonly ms: number
  /** Messages a second, one after the other. */
  readonly rates: readonly number[]
  readonly rateMs: number
  /** Sessions that do nothing, growing. */
  readonly idle: readonly number[]
  /** How long the broker's memory may take to become small, ms: it gives back what work took behind two minutes without any. */
  readonly settleMs: number
  /** Sessions at either end of a fan. */
  readonly fan: number
}

interface Sized {
  readonly name: string
  readonly bodyBytes: number
  readonly flow: Flow
}

const KIB = 1024
const SENDERS = 64
const SIZES: readonly Sized[] = [
  { name: '256 B', bodyBytes: 256, flow: { perFrame: 32, window: 64 } },
  { name: '1 KiB', bodyBytes: KIB, flow: { perFrame: 32, window: 64 } },
  { name: '64 KiB', bodyBytes: 64 * KIB, flow: { perFrame: 2, window: 4 } },
]
const FAN_FLOW = { perFrame: 4, window: 8 }

/** Runs the loads on one broker, each in a mesh of its own, and the idle sessions on another. */
export async function measureShapes(plan: ShapesPlan): Promise<Case[]> {
  const loads = await inScene(plan, async scene => [
    ...(await bySize(scene)),
    ...(await byFan(scene)),
    ...(await byRate(scene)),
  ])
  return [...loads, ...(await inScene(plan, idleSessions))]
}

async function inScene(plan: ShapesPlan, measure: (scene: Scene) => Promise<Case[]>): Promise<Case[]> {
  const stack = await startStack()
  const relay = startChild('relay')
  const load = startChild('load')
  try {
    const { port: relayPort } = await relay.hello<{ port: number }>()
    await load.hello()
    return await measure({ stack, load, relayPort, plan })
  } finally {
    await relay.stop()
    await load.stop()
    await stack.stop()
  }
}

interface Scene {
  readonly stack: Stack
  readonly load: Child
  readonly relayPort: number
  readonly plan: ShapesPlan
}

async function bySize({ stack, load, relayPort, plan: { rounds, ms } }: Scene): Promise<Case[]> {
  const cases: Case[] = []
  for (const { name, bodyBytes, flow } of SIZES) {
    say(name)
    await attach(load, stack, { senders: SENDERS, receivers: SENDERS, fan: 'one', bodyBytes })
    const relayed: number[] = []
    const durable: number[] = []
    while (durable.length < rounds) {
      const bare = { do: 'relay', port: relayPort, pairs: SENDERS, ms, bodyBytes, window: flow.window }
      relayed.push((await load.ask<Throughput>(bare)).perSecond)
      durable.push((await run(load, ms, flow)).perSecond)
    }
    const base = `raw relay, ${name}`
    cases.push(speedCase(base, relayed), speedCase(`durable, ${name}`, durable, base, relayed))
  }
  return cases
}

async function byFan({ stack, load, plan: { rounds, ms, fan } }: Scene): Promise<Case[]> {
  const cases: Case[] = []
  const shapes: [string, Shape][] = [
    [`deliveries, 1 to ${fan}`, { senders: 1, receivers: fan, fan: 'all', bodyBytes: 512 }],
    [`deliveries, ${fan} to 1`, { senders: fan, receivers: 1, fan: 'one', bodyBytes: 512 }],
  ]
  for (const [name, shape] of shapes) {
    say(name)
    await attach(load, stack, shape)
    const speeds: number[] = []
    while (speeds.length < rounds) speeds.push((await run(load, ms, FAN_FLOW)).perSecond)
    cases.push(speedCase(name, speeds))
  }
  return cases
}

async function byRate({ stack, load, plan: { rates, rateMs } }: Scene): Promise<Case[]> {
  const cases: Case[] = []
  await load.ask({ do: 'join', port: stack.port, pairs: SENDERS })
  for (const perSecond of rates) {
    say(`${perSecond}/s`)
    const { p50, p99 } = await load.ask<Latency>({ do: 'latency', ms: rateMs, perSecond })
    const name = `deliver at ${perSecond.toLocaleString('en')}/s`
    cases.push({ name, unit: 'ms', value: p50, p50, p99 })
  }
  return cases
}

/** What the broker's resident memory grew by at rest, over the sessions that were attached meanwhile; and from one count to the next. */
async function idleSessions({ stack, load, plan: { idle, settleMs } }: Scene): Promise<Case[]> {
  const cases: Case[] = []
  const before = await settled(stack, settleMs)
  let last = before
  let attached = 0
  for (const sessions of idle) {
    say(`${sessions} idle sessions`)
    await load.ask({ do: 'idle', port: stack.port, sessions: sessions - attached })
    const now = await settled(stack, settleMs)
    const name = `idle session of ${sessions.toLocaleString('en')}`
    cases.push({ name, unit: 'KiB', value: (now - before) / KIB / sessions })
    if (attached > 0)
      cases.push({
        name: `${name}, each further one`,
        unit: 'KiB',
        value: (now - last) / KIB / (sessions - attached),
      })
    attached = sessions
    last = now
  }
  return cases
}

/** The least that the broker's memory came down to within `ms`, bytes. */
async function settled(stack: Stack, ms: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (const end = performance.now() + ms; performance.now() < end; ) {
    await Bun.sleep(ms / 20)
    least = Math.min(least, stack.memory())
  }
  return least
}

const attach = (load: Child, { port }: Stack, shape: Shape) => load.ask({ do: 'shape', port, ...shape })
const run = (load: Child, ms: number, flow: Flow) =>
  load.ask<Throughput>({ do: 'shape-throughput', ms, ...flow })
