/** This broker beside NATS JetStream with file storage: the same envelopes, every one acknowledged, work queues that forget what was. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NATS_SERVER } from '@claudemesh/testkit'
import { type Child, startChild } from './child.ts'
import { cpuTime } from './cpu-time.ts'
import type { Latency, Throughput } from './load/commands.ts'
import { type Case, speedCase } from './report.ts'
import { startStack } from './stack.ts'
import { median } from './stats.ts'

export interface RivalsPlan {
  readonly pairs: number
  readonly rounds: number
  readonly ms: number
  readonly latencyMs: number
}

const PER_SECOND = 1000

/** One that is measured: how it is loaded, and what its server has used of the CPU so far, ms. */
interface Rival {
  readonly name: string
  throughput(): Promise<Throughput>
  latency(): Promise<Latency>
  cpu(): number
  stop(): Promise<unknown>
}

/** All by turns. Left out are files that are synced, where this nats-server cannot, and all of JetStream where there is none. */
export async function measureRivals({ pairs, rounds, ms, latencyMs }: RivalsPlan): Promise<Case[]> {
  const rivals: Rival[] = []
  try {
    rivals.push(await ourselves(pairs, ms, latencyMs))
    for (const synced of [true, false])
      if (knows(synced)) rivals.push(await jetStream(synced, pairs, ms, latencyMs))
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

async function ourselves(pairs: number, ms: number, latencyMs: number): Promise<Rival> {
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

async function startLoad(): Promise<Child> {
  const load = startChild('load')
  await load.hello()
  return load
}

const config = (folder: string, synced: boolean): string =>
  `listen: "127.0.0.1:-1"\njetstream { store_dir: ${JSON.stringify(folder)}${synced ? ', sync_interval: always' : ''} }\n`

/** Whether a nats-server is on PATH and takes these settings; `sync_interval` came with 2.10. */
function knows(synced: boolean): boolean {
  if (NATS_SERVER === null) return false
  const folder = mkdtempSync(join(tmpdir(), 'claudemesh-nats-'))
  try {
    const file = join(folder, 'nats.conf')
    writeFileSync(file, config(folder, synced))
    return spawnSync(NATS_SERVER, ['-c', file, '-t'], { stdio: 'ignore' }).status === 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function jetStream(synced: boolean, pairs: number, ms: number, latencyMs: number): Promise<Rival> {
  const folder = mkdtempSync(join(tmpdir(), 'claudemesh-nats-'))
  const file = join(folder, 'nats.conf')
  writeFileSync(file, config(folder, synced))
  const server = spawn(NATS_SERVER!, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise(resolve => server.once('close', resolve))
  const url = await new Promise<string>((resolve, reject) => {
    let said = ''
    createInterface(server.stderr).on('line', line => {
      said += `${line}\n`
      const port = /Listening for client connections on \S+:(\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve(`nats://127.0.0.1:${port}`)
    })
    server.once('close', code => reject(new Error(`nats-server ended with ${code}:\n${said}`)))
  })
  const load = await startLoad()
  await load.ask({ do: 'jetstream-join', url, pairs })
  return {
    name: synced ? 'JetStream, files synced' : 'JetStream, files not synced',
    throughput: () => load.ask({ do: 'jetstream-throughput', ms }),
    latency: () => load.ask({ do: 'jetstream-latency', ms: latencyMs, perSecond: PER_SECOND }),
    cpu: () => cpuTime([server.pid!]),
    stop: async () => {
      await load.stop()
      server.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
