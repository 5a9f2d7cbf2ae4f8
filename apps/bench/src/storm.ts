/**
 * What a broker bears: a crowd that is attached and idle, then loses every socket at once and comes back, while others write to each
 * other. A crowd's daemons run elsewhere: here they get what broker, Postgres and the others leave of the cores.
 */
import { type Child, startChild } from './child.ts'
import type { Latency, Storm } from './load/commands.ts'
import { type Case, say } from './report.ts'
import { type Stack, startStack } from './stack.ts'
import { quantile } from './stats.ts'

export interface StormPlan {
  readonly sessions: number
  /** Others, in a mesh of their own, and what they write in all. */
  readonly pairs: number
  readonly perSecond: number
  /** How long a look at them is, ms. */
  readonly lookMs: number
  /** Looks before the storm, and behind it. */
  readonly looks: number
}

const MIB = 2 ** 20
const SAMPLE_MS = 50

/** Fails when a session does not come back, or a message of the others is refused, lost or out of order. */
export async function measureStorm({
  sessions,
  pairs,
  perSecond,
  lookMs,
  looks,
}: StormPlan): Promise<Case[]> {
  const stack = await startStack()
  const crowd = startChild('load', { behind: true })
  const others = startChild('load')
  try {
    await Promise.all([crowd.hello(), others.hello()])
    await others.ask({ do: 'join', port: stack.port, pairs })
    const write = () => others.ask<Latency>({ do: 'latency', ms: lookMs, perSecond, each: true })
    const opening = await opened(stack, crowd, sessions)
    say('quiet')
    const quiet = await several(looks, write)
    const memory = watchMemory(stack)
    const before = stack.cpu()
    say(`storm of ${sessions}`)
    const back = crowd.ask<Storm>({ do: 'storm' })
    const { came, during } = await meanwhile(back, write)
    const { broker, postgres } = stack.cpu()
    const after = await several(looks, write)
    const name = (what: string) => `storm of ${came.sessions.toLocaleString('en')}: ${what}`
    return [
      ...opening,
      { name: name('all are back'), unit: 'ms', value: came.ms },
      { name: name('tries refused'), unit: 'count', value: came.refused },
      perSession(name('broker'), came.sessions, broker - before.broker),
      perSession(name('Postgres'), came.sessions, postgres - before.postgres),
      letters(name('others before'), quiet),
      letters(name('others meanwhile'), during, quiet),
      letters(name(`the slowest ${lookMs / 1000} s of it`), [slowest(during)]),
      letters(name('others behind it'), after),
      { name: name('memory of the broker before'), unit: 'MiB', value: memory.first / MIB },
      { name: name('at most'), unit: 'MiB', value: memory.end() / MIB },
    ]
  } finally {
    await crowd.stop()
    await others.stop()
    await stack.stop()
  }
}

async function opened(stack: Stack, crowd: Child, sessions: number): Promise<Case[]> {
  say(`opening ${sessions}`)
  const began = performance.now()
  const before = stack.cpu()
  await crowd.ask({ do: 'idle', port: stack.port, sessions })
  const { broker, postgres } = stack.cpu()
  const name = (what: string) => `opening ${sessions.toLocaleString('en')}: ${what}`
  return [
    { name: name('all are there'), unit: 'ms', value: performance.now() - began },
    perSession(name('broker'), sessions, broker - before.broker),
    perSession(name('Postgres'), sessions, postgres - before.postgres),
  ]
}

/** The others write for as long as it takes. */
async function meanwhile(
  back: Promise<Storm>,
  write: () => Promise<Latency>,
): Promise<{ came: Storm; during: Latency[] }> {
  let over = false
  // A failure is thrown below, when nothing of the others is under way.
  const end = () => {
    over = true
  }
  back.then(end, end)
  const during = [await write()]
  while (!over) during.push(await write())
  return { came: await back, during }
}

async function several(looks: number, write: () => Promise<Latency>): Promise<Latency[]> {
  const all: Latency[] = []
  while (all.length < looks) all.push(await write())
  return all
}

const slowest = (looks: readonly Latency[]): Latency =>
  looks.reduce((worst, look) => (look.p99 > worst.p99 ? look : worst))

function watchMemory(stack: Stack): { readonly first: number; end(): number } {
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

const perSession = (name: string, sessions: number, ms: number): Case => ({
  name: `${name}, CPU a session`,
  unit: 'ms',
  value: ms / sessions,
})

/** Of all messages of these looks, p99 beside that of a quiet time. */
function letters(name: string, looks: readonly Latency[], quiet?: readonly Latency[]): Case {
  const { p50, p99 } = together(looks)
  const base: Case = { name, unit: 'ms', value: p50, p50, p99 }
  return quiet === undefined ? base : { ...base, ratioTo: 'p99 before', ratio: p99 / together(quiet).p99 }
}

function together(looks: readonly Latency[]): { p50: number; p99: number } {
  const took = Float64Array.from(looks.flatMap(look => look.took ?? [])).sort()
  return { p50: quantile(took, 0.5), p99: quantile(took, 0.99) }
}
