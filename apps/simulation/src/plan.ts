/** What happens in a history: who writes to whom, and which nemesis strikes when; all of it follows from the seed. */
import type { Priority } from '@claudemesh/protocol'
import type { Cut } from './network.ts'
import type { Random } from './random.ts'

export type Step = { readonly atMs: number } & (
  | {
      readonly does: 'send'
      readonly machine: number
      /** Places among all mailboxes; the first is the speaker's. */
      readonly mailboxes: readonly number[]
      readonly priority: Priority
      readonly ttlMs: number
    }
  | { readonly does: 'crash'; readonly machine: number; readonly silently: boolean; readonly forMs: number }
  | {
      readonly does: 'crash-at-commit'
      readonly machine: number
      readonly commits: number
      readonly when: 'before' | 'after'
    }
  | {
      readonly does: 'crash-broker'
      readonly node: number
      readonly silently: boolean
      readonly forMs: number
    }
  | { readonly does: 'restart-broker'; readonly node: number; readonly forMs: number }
  | { readonly does: 'cut'; readonly machine: number; readonly how: Cut; readonly forMs: number }
  | { readonly does: 'reset'; readonly machine: number }
  | { readonly does: 'slow-database'; readonly latencyMs: number; readonly forMs: number }
  | { readonly does: 'lossy-database'; readonly share: number; readonly forMs: number }
  | { readonly does: 'slow-network'; readonly latencyMs: number; readonly forMs: number }
  | {
      readonly does: 'clock'
      readonly machine: number | null
      readonly skewMs: number
      readonly forMs: number
    }
  | { readonly does: 'remove'; readonly machine: number }
)

export interface Plan {
  /** Sessions of each machine beside its person. */
  readonly sessions: readonly number[]
  /** Nodes of the broker. */
  readonly nodes: number
  readonly latencyMs: number
  readonly databaseMs: number
  /** From the first step to the end of all nemeses, ms. */
  readonly lengthMs: number
  readonly steps: readonly Step[]
}

const STRIKES = [
  'crash',
  'crash-at-commit',
  'crash-at-commit',
  'crash-broker',
  'crash-broker',
  'restart-broker',
  'cut',
  'cut',
  'reset',
  'reset',
  'slow-database',
  'lossy-database',
  'slow-network',
  'clock',
  'remove',
] as const

/** The plan of a seed's stream. */
export function makePlan(random: Random): Plan {
  const machines = random.between(2, 3)
  const sessions = Array.from({ length: machines }, () => random.between(0, 1))
  const lengthMs = random.pick([5000, 20_000, 60_000, 180_000])
  const sends = Array.from({ length: random.between(3, 20) }, () => makeSend(random, sessions, lengthMs))
  const nodes = random.chance(0.4) ? 2 : 1
  const strikes = Array.from({ length: random.between(0, 8) }, () =>
    makeStrike(random, { machines, nodes, lengthMs }),
  )
  return {
    sessions,
    nodes,
    latencyMs: random.pick([0.5, 5, 50, 300]),
    databaseMs: random.pick([0.5, 5, 50]),
    lengthMs,
    steps: [...sends, ...strikes].sort((a, b) => a.atMs - b.atMs),
  }
}

function makeSend(random: Random, sessions: readonly number[], lengthMs: number): Step {
  const machine = random.between(0, sessions.length - 1)
  const all = sessions.flatMap((count, of) => Array.from({ length: count + 1 }, () => of))
  const [own, others] = [true, false].map(mine =>
    all.flatMap((of, place) => ((of === machine) === mine ? [place] : [])),
  ) as [number[], number[]]
  const to = new Set([random.pick(others), ...(random.chance(0.3) ? [random.pick(others)] : [])])
  return {
    atMs: random.fraction() * lengthMs,
    does: 'send',
    machine,
    mailboxes: [random.pick(own), ...to],
    priority: random.pick(['now', 'next', 'low']),
    ttlMs: random.chance(0.2) ? random.between(1000, 60_000) : 3_600_000,
  }
}

function makeStrike(
  random: Random,
  { machines, nodes, lengthMs }: { machines: number; nodes: number; lengthMs: number },
): Step {
  const atMs = random.fraction() * lengthMs
  const forMs = random.fraction() * lengthMs * 0.5
  const machine = random.between(0, machines - 1)
  const does = random.pick(STRIKES)
  switch (does) {
    case 'crash':
      return { atMs, does, machine, silently: random.chance(0.3), forMs }
    case 'crash-at-commit':
      return { atMs, does, machine, commits: random.between(1, 12), when: random.pick(['before', 'after']) }
    case 'crash-broker':
      return { atMs, does, node: random.between(0, nodes - 1), silently: random.chance(0.3), forMs }
    case 'restart-broker':
      return { atMs, does, node: random.between(0, nodes - 1), forMs }
    case 'cut':
      return { atMs, does, machine, how: random.pick(['stalled', 'black-hole']), forMs }
    case 'reset':
      return { atMs, does, machine }
    case 'slow-database':
      return { atMs, does, latencyMs: random.pick([200, 2000, 15_000]), forMs }
    case 'lossy-database':
      return { atMs, does, share: random.pick([0.1, 0.5, 1]), forMs }
    case 'slow-network':
      return { atMs, does, latencyMs: random.pick([500, 5000]), forMs }
    case 'clock':
      return {
        atMs,
        does,
        machine: random.chance(0.2) ? null : machine,
        skewMs: random.pick([-1, 1]) * random.pick([1000, 120_000, 600_000]),
        forMs,
      }
    case 'remove':
      // The owner stays.
      return { atMs, does, machine: random.between(1, machines - 1) }
  }
}
