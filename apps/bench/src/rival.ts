/** What every one that is measured beside the others has in common. */
import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { type Child, startChild } from './child.ts'
import { cpuTime } from './cpu-time.ts'
import type { Command, Latency, Throughput } from './load/commands.ts'

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

/** A server of its own that runs and keeps its files in `folder`; both are gone with it. */
export interface RivalServer {
  readonly name: string
  readonly server: ChildProcess
  readonly folder: string
  /** Makes the load's lanes to it. */
  readonly join: Command
}

/** Loads such a server by a process of the load's own. */
export async function serverRival(
  { name, server, folder, join }: RivalServer,
  { ms, latencyMs }: RivalLoad,
): Promise<Rival> {
  const ended = new Promise(resolve => server.once('close', resolve))
  const load = await startLoad()
  await load.ask(join)
  return {
    name,
    throughput: () => load.ask({ do: 'rival-throughput', ms }),
    latency: () => load.ask({ do: 'rival-latency', ms: latencyMs, perSecond: PER_SECOND }),
    cpu: () => cpuTime([server.pid!]),
    stop: async () => {
      await load.stop()
      server.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
