/** Brokers measured beside each other: each with a database and a load of its own, asked by turns. */
import { type Child, startChild } from './child.ts'
import type { Latency, Throughput } from './load/commands.ts'
import { type Stack, startStack } from './stack.ts'

export class Contestant {
  readonly stack: Stack
  /** Messages a second of each round. */
  readonly perSecond: number[] = []
  /** CPU time of broker and Postgres a message, µs, of each round. */
  readonly cpu: number[] = []
  readonly latency: Latency[] = []
  private readonly load: Child

  private constructor(stack: Stack, load: Child) {
    this.stack = stack
    this.load = load
  }

  /** `prepare` is called before anybody is there. What is started is stopped by what is put into `stops`, the last first. */
  static async start(
    stops: (() => Promise<unknown>)[],
    pairs: number,
    prepare?: (url: string) => Promise<void>,
  ): Promise<Contestant> {
    const stack = await startStack()
    stops.push(() => stack.stop())
    await prepare?.(stack.databaseUrl)
    const load = startChild('load')
    stops.push(() => load.stop())
    await load.hello()
    await load.ask({ do: 'join', port: stack.port, pairs })
    return new Contestant(stack, load)
  }

  /** Puts so many delivered messages behind it. */
  async deliver(messages: number): Promise<void> {
    await this.load.ask({ do: 'throughput', ms: Number.MAX_SAFE_INTEGER, messages })
  }

  /** As fast as it goes, for `ms`. */
  async race(ms: number): Promise<void> {
    const before = this.used()
    const { messages, perSecond } = await this.load.ask<Throughput>({ do: 'throughput', ms })
    this.perSecond.push(perSecond)
    this.cpu.push(((this.used() - before) * 1000) / messages)
  }

  async steady(ms: number, perSecond: number): Promise<void> {
    this.latency.push(await this.load.ask<Latency>({ do: 'latency', ms, perSecond }))
  }

  private used(): number {
    const { broker, postgres } = this.stack.cpu()
    return broker + postgres
  }
}

/** Everyone takes a turn, so often; whoever was first is last the next time: what drifts, drifts for all. */
export async function byTurns<T>(
  all: readonly T[],
  rounds: number,
  turn: (one: T) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++)
    for (let place = 0; place < all.length; place++) await turn(all[(round + place) % all.length]!)
}
