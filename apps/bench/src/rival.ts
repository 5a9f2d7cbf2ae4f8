/** What every one that is measured beside the others has in common. */
import { type Child, startChild } from './child.ts'
import type { Latency, Throughput } from './load/commands.ts'

/** Messages a second of the steady rate. */
export const PER_SECOND = 1000

/** Senders with a recipient each, and how long they send: without a pause, and at the steady rate, ms. */
export interface RivalLoad {
  readonly pairs: number
  readonly ms: number
  readonly latencyMs: number
}

/** How one is loaded, and what its server has used of the CPU so far, ms. */
export interface Rival {
  readonly name: string
  throughput(): Promise<Throughput>
  latency(): Promise<Latency>
  cpu(): number
  stop(): Promise<unknown>
}

/** A load process that is ready. */
export async function startLoad(): Promise<Child> {
  const load = startChild('load')
  await load.hello()
  return load
}
