/**
 * One message at a time on a machine that does nothing else: what `deliver` takes, beside one prepared INSERT at the same rate. Then the same
 * with cores that neither sleep between two messages nor let whoever was woken wait for a tick: what is gone then was the machine's.
 */
import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import { type Child, startChild } from './child.ts'
import type { Latency } from './load/commands.ts'
import { type Case, latencyCase, middle, say } from './report.ts'
import { type Stack, startStack } from './stack.ts'

export interface AlonePlan {
  readonly pairs: number
  readonly perSecond: number
  /** Of a burst before all else, so that code is compiled, ms. */
  readonly warmMs: number
  readonly windowMs: number
  /** Behind one that does not count. */
  readonly windows: number
}

export async function measureDeliverAlone(plan: AlonePlan): Promise<Case[]> {
  const asItIs = await inStack(plan, '')
  if (!mayKeepAwake()) {
    say('cores kept awake: skipped, it takes Linux, root and chrt')
    return asItIs
  }
  return [...asItIs, ...(await keptAwake(() => inStack(plan, ', cores kept awake')))]
}

async function inStack({ pairs, warmMs, ...plan }: AlonePlan, how: string): Promise<Case[]> {
  const stack = await startStack()
  let load: Child | undefined
  try {
    load = startChild('load')
    await load.hello()
    await load.ask({ do: 'join', port: stack.port, pairs })
    await load.ask({ do: 'throughput', ms: warmMs })
    return await inWindows(stack, load, plan, how)
  } finally {
    await load?.stop()
    await stack.stop()
  }
}

/** The windows of each follow each other at once: what was compiled for one is let go of while it rests. */
async function inWindows(
  stack: Stack,
  load: Child,
  { perSecond, windowMs: ms, windows }: Omit<AlonePlan, 'pairs' | 'warmMs'>,
  how: string,
): Promise<Case[]> {
  const inARow = async (asked: object): Promise<Latency> => {
    const all: Latency[] = []
    while (all.length <= windows) all.push(await load.ask<Latency>({ ...asked, ms, perSecond }))
    return middle(all.slice(1))
  }
  const deliver = await inARow({ do: 'latency' })
  const insert = { do: 'insert-latency', url: stack.databaseUrl, prepared: true, connections: 1 }
  const base = await inARow(insert)
  const name = `one prepared insert alone${how}`
  return [latencyCase(name, base), latencyCase(`deliver alone${how}`, deliver, name, base)]
}

/** Holds the latency that the kernel may take to wake a core at this while the file is open (Linux, `pm_qos_interface`): at 0 it polls. */
const CPU_LATENCY = '/dev/cpu_dma_latency'
const POLL = new Uint8Array(4)

const mayKeepAwake = (): boolean =>
  existsSync(CPU_LATENCY) &&
  Bun.which('chrt') !== null &&
  Bun.spawnSync(['chrt', '--rr', '1', 'true']).success

/** Cores poll while `work` runs, and this process and all it starts have real-time priority: whoever is woken runs at once. */
async function keptAwake<T>(work: () => Promise<T>): Promise<T> {
  const takePriority = (policy: '--rr' | '--other', priority: number) =>
    Bun.spawnSync(['chrt', '--all-tasks', policy, '--pid', `${priority}`, `${process.pid}`])
  const latency = openSync(CPU_LATENCY, 'r+')
  try {
    writeSync(latency, POLL)
    takePriority('--rr', 1)
    return await work()
  } finally {
    takePriority('--other', 0)
    closeSync(latency)
  }
}
