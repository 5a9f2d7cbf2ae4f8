/** What the bench says: a table for people, the same rows as JSON for machines. */
import { cpus, release, totalmem } from 'node:os'
import { deflateSync } from 'node:zlib'
import type { Latency } from './load/commands.ts'
import { median } from './stats.ts'

/** One figure. `ratio` is `value` over the case named by `ratioTo`, of the same run. */
export interface Case {
  readonly name: string
  readonly unit: 'msg/s' | 'ms' | 'µs CPU/msg' | 'MiB' | 'MiB/s' | 'KiB' | '%' | 'count'
  readonly value: number
  readonly p50?: number
  readonly p99?: number
  /** CPU time of daemon, broker and Postgres meanwhile. */
  readonly cpuMs?: number
  readonly ratioTo?: string
  readonly ratio?: number
}

export interface Report {
  readonly machine: { cpu: string; cores: number; memoryGiB: number; os: string; bun: string }
  readonly cases: readonly Case[]
}

/** Some 200 ms in all, in pieces that take no core's whole slice. */
const DEFLATES = 40
const DEFLATED_BYTES = 64 << 10

export const machine = (): Report['machine'] => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  os: `${process.platform} ${release()}`,
  bun: Bun.version,
})

/** The middle of the rounds; the ratio is the middle of the ratios within each round. */
export function speedCase(name: string, values: number[], ratioTo?: string, base: number[] = []): Case {
  const speed = { name, unit: 'msg/s', value: median(values) } as const
  return ratioTo === undefined
    ? speed
    : { ...speed, ratioTo, ratio: median(values.map((value, i) => value / base[i]!)) }
}

/** The ratio is that of both middles. */
export function latencyCase(name: string, { p50, p99 }: Latency, ratioTo?: string, base?: Latency): Case {
  const latency = { name, unit: 'ms', value: p50, p50, p99 } as const
  return ratioTo === undefined || !base ? latency : { ...latency, ratioTo, ratio: p50 / base.p50 }
}

/** The middle of each figure over rounds. */
export const middle = (rounds: readonly Latency[]): Latency => ({
  messages: rounds.reduce((sum, { messages }) => sum + messages, 0),
  p50: median(rounds.map(({ p50 }) => p50)),
  p99: median(rounds.map(({ p99 }) => p99)),
})

/** The cases as lines of a table. */
export function table(cases: readonly Case[]): string {
  const rows = cases.map(({ name, unit, value, p50, p99, cpuMs, ratioTo, ratio }) => [
    name,
    unit === 'msg/s' || unit === 'MiB/s' || unit === 'count'
      ? Math.round(value).toLocaleString('en')
      : value.toFixed(unit === 'ms' ? 3 : unit === '%' || unit === 'KiB' ? 2 : 1),
    unit,
    p50 === undefined ? '' : `p50 ${p50.toFixed(3)}`,
    p99 === undefined ? '' : `p99 ${p99.toFixed(3)}`,
    cpuMs === undefined ? '' : `${Math.round(cpuMs)} ms CPU`,
    ratio === undefined ? '' : `${ratio.toFixed(2)} × ${ratioTo}`,
  ])
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column]!.length))) ?? []
  const number = (column: number) => column === 1
  return rows
    .map(row =>
      row
        .map((cell, i) => (number(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** How fast a core is at this moment, which on a shared host changes within minutes without a jiffy being stolen. */
export function coreCase(when: string): Case {
  const block = Uint8Array.from({ length: DEFLATED_BYTES }, (_, i) => Math.imul(i, 0x9e3779b1) >>> (i % 23))
  const speeds = Array.from({ length: DEFLATES }, () => {
    const began = performance.now()
    deflateSync(block)
    return (DEFLATED_BYTES / 2 ** 20 / (performance.now() - began)) * 1000
  })
  return { name: `a core deflates, ${when}`, unit: 'MiB/s', value: median(speeds) }
}

/** How far the run is, for whoever waits. */
export const say = (line: string) => void process.stderr.write(`${line}\n`)
