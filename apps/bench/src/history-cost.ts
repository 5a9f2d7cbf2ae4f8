/** What a long history costs: brokers with none and with many delivered messages behind them, by turns. */
import { FUNCTIONS } from '@claudemesh/db'
import postgres from 'postgres'
import { byTurns, Contestant } from './contestant.ts'
import type { Latency } from './load/commands.ts'
import { type Case, say, speedCase } from './report.ts'
import { median } from './stats.ts'

export interface HistoryPlan {
  readonly pairs: number
  /** Delivered messages behind each of the others. */
  readonly histories: readonly number[]
  /** What every broker delivers beforehand, so that all have compiled what they run. */
  readonly warmUp: number
  readonly rounds: number
  readonly ms: number
  readonly perSecond: number
}

interface Past {
  readonly contestant: Contestant
  readonly history: number
}

const LOOK_MS = 200
/** Behind a checkpoint each page that is touched is written whole: that is over by then. */
const WARM_ROUNDS = 2

export async function measureHistoryCost(plan: HistoryPlan): Promise<Case[]> {
  const { pairs, histories, warmUp, rounds, ms, perSecond } = plan
  const stops: (() => Promise<unknown>)[] = []
  try {
    const all: Past[] = []
    for (const history of [0, ...histories]) {
      const contestant = await Contestant.start(stops, pairs)
      say(`${history.toLocaleString('en')} messages of history`)
      await contestant.deliver(Math.max(warmUp, history))
      all.push({ contestant, history })
    }
    for (const { contestant } of all) await putInOrder(contestant.stack.databaseUrl)
    say('steady')
    await byTurns(all, WARM_ROUNDS, ({ contestant }) => contestant.steady(ms, perSecond))
    for (const { contestant } of all) contestant.latency.splice(0)
    await byTurns(all, rounds, ({ contestant }) => contestant.steady(ms, perSecond))
    for (const { contestant, history } of all)
      say(
        `${history}: p50 of each round ${contestant.latency.map(({ p50 }) => p50.toFixed(3)).join(', ')} ms`,
      )
    say('as fast as it goes')
    await byTurns(all, rounds, async ({ contestant }) => {
      await contestant.race(ms)
      await atRest(contestant.stack.databaseUrl)
    })
    return casesOf(all[0]!.contestant, all.slice(1), perSecond)
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

/** What a server does in an idle hour: signs, vacuums, writes to its files. */
async function putInOrder(url: string): Promise<void> {
  await atRest(url)
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await sql`vacuum (analyze)`
    await sql`checkpoint`
  } finally {
    await sql.end()
  }
}

/** Waits until the log is signed to its end and no vacuum is under way: the next broker's turn is not to pay for this one's. */
async function atRest(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const busy = async () => {
    const [{ n }] = await sql<[{ n: number }]>`select
      (select count(*)::int from ${sql(FUNCTIONS.schema)}.audit_due(1)) + (select count(*)::int from pg_stat_progress_vacuum) as n`
    return n > 0
  }
  try {
    while (await busy()) await Bun.sleep(LOOK_MS)
  } finally {
    await sql.end()
  }
}

function casesOf(none: Contestant, pasts: readonly Past[], perSecond: number): Case[] {
  const fast = 'durable, no history'
  const at = `deliver at ${perSecond.toLocaleString('en')}/s`
  const calm = `${at}, no history`
  return [
    speedCase(fast, none.perSecond),
    { name: `${fast}: broker and Postgres`, unit: 'µs CPU/msg', value: median(none.cpu) },
    latencyCase(calm, none.latency),
    ...pasts.flatMap(({ contestant: { perSecond: speeds, cpu, latency }, history }) => {
      const behind = `${history.toLocaleString('en')} behind`
      return [
        speedCase(`durable, ${behind}`, speeds, fast, none.perSecond),
        {
          name: `durable, ${behind}: broker and Postgres`,
          unit: 'µs CPU/msg',
          value: median(cpu),
          ratioTo: fast,
          ratio: median(cpu.map((each, i) => each / none.cpu[i]!)),
        } as const,
        latencyCase(`${at}, ${behind}`, latency, calm, none.latency),
      ]
    }),
  ]
}

/** The middle of the rounds; the ratio is the middle of the ratios of p50 within each round. */
function latencyCase(
  name: string,
  rounds: readonly Latency[],
  ratioTo?: string,
  base?: readonly Latency[],
): Case {
  const p50 = median(rounds.map(round => round.p50))
  const latency = { name, unit: 'ms', value: p50, p50, p99: median(rounds.map(round => round.p99)) } as const
  if (ratioTo === undefined || !base) return latency
  return { ...latency, ratioTo, ratio: median(rounds.map((round, i) => round.p50 / base[i]!.p50)) }
}
