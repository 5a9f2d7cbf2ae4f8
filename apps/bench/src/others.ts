/** Others, who write to each other while something happens: in a mesh of their own, at a gentle steady rate, and timed. */
import { type Child, startChild } from './child.ts'
import type { Latency } from './load/commands.ts'
import type { Case } from './report.ts'
import type { Stack } from './stack.ts'
import { quantile } from './stats.ts'

export interface OthersPlan {
  readonly pairs: number
  /** What they write in all. */
  readonly perSecond: number
  /** How long a look at them is, ms. */
  readonly lookMs: number
  /** Looks at a quiet time. */
  readonly looks: number
}

const SAMPLE_MS = 50

export class Others {
  private readonly plan: OthersPlan
  private readonly child: Child

  private constructor(plan: OthersPlan, child: Child) {
    this.plan = plan
    this.child = child
  }

  static async start({ port }: Stack, plan: OthersPlan): Promise<Others> {
    const child = startChild('load')
    await child.hello()
    await child.ask({ do: 'join', port, pairs: plan.pairs })
    return new Others(plan, child)
  }

  /** One look. Throws when a message of theirs is refused, lost or out of order. */
  look(): Promise<Latency> {
    const { lookMs: ms, perSecond } = this.plan
    return this.child.ask<Latency>({ do: 'latency', ms, perSecond, each: true })
  }

  /** As many looks as a quiet time takes. */
  async looks(): Promise<Latency[]> {
    const all: Latency[] = []
    while (all.length < this.plan.looks) all.push(await this.look())
    return all
  }

  /** Looks for as long as `work` takes, one at least. */
  async meanwhile<T>(work: Promise<T>): Promise<{ came: T; during: Latency[] }> {
    let over = false
    // A failure is thrown below, when nothing of the others is under way.
    const end = () => {
      over = true
    }
    work.then(end, end)
    const during = [await this.look()]
    while (!over) during.push(await this.look())
    return { came: await work, during }
  }

  stop(): Promise<void> {
    return this.child.stop()
  }
}

/** Of all messages of these looks, p99 beside that of a quiet time. */
export function othersCase(name: string, looks: readonly Latency[], quiet?: readonly Latency[]): Case {
  const { p50, p99 } = together(looks)
  const base: Case = { name, unit: 'ms', value: p50, p50, p99 }
  return quiet === undefined ? base : { ...base, ratioTo: 'p99 before', ratio: p99 / together(quiet).p99 }
}

function together(looks: readonly Latency[]): { p50: number; p99: number } {
  const took = Float64Array.from(looks.flatMap(look => look.took ?? [])).sort()
  return { p50: quantile(took, 0.5), p99: quantile(took, 0.99) }
}

/** The broker's resident memory from now until `end`, bytes: at first, and the most of it. */
export function watchMemory(stack: Stack): { readonly first: number; end(): number } {
  const first = stack.memory()
  let most = first
  const timer = setInterval(() => {
    most = Math.max(most, stack.memory())
  }, SAMPLE_MS)
  return {
    first,
    end() {
      clearInterval(timer)
      return most
    },
  }
}
