/** What happens in a run: who writes to whom, and which nemesis strikes when; all of it follows from the seed. */
import type { Random } from '@claudemesh/simulation'

type Step = { readonly atMs: number } & (
  | {
      readonly does: 'send'
      readonly machine: number
      /** Its place among the mailboxes of the machine. */
      readonly from: number
      /** Machine and place of each recipient. */
      readonly to: readonly (readonly [machine: number, mailbox: number])[]
      readonly priority: 'now' | 'next' | 'low'
      readonly ttlMs: number
      readonly wait: 'none' | 'accepted' | 'delivered'
    }
  | { readonly does: 'kill-machine'; readonly machine: number; readonly forMs: number }
  | { readonly does: 'stop-machine'; readonly machine: number; readonly forMs: number }
  | { readonly does: 'restart-machine'; readonly machine: number; readonly forMs: number }
  /** The disk under its home is full. */
  | { readonly does: 'fill-machine'; readonly machine: number; readonly forMs: number }
  /** The clock of its daemon is off. */
  | { readonly does: 'clock'; readonly machine: number; readonly skewMs: number; readonly forMs: number }
  /** Its sessions die with words that their models were not shown yet. */
  | { readonly does: 'interrupt'; readonly machine: number }
  | { readonly does: 'kill-broker'; readonly node: number; readonly forMs: number }
  | { readonly does: 'stop-broker'; readonly node: number; readonly forMs: number }
  | { readonly does: 'restart-broker'; readonly node: number; readonly forMs: number }
  | {
      readonly does: 'end-postgres'
      readonly signal: 'SIGKILL' | 'SIGQUIT' | 'SIGINT'
      readonly forMs: number
    }
  | { readonly does: 'stop-postgres'; readonly forMs: number }
  | { readonly does: 'fill-postgres'; readonly forMs: number }
  /** Each flush of its log takes so much longer. */
  | { readonly does: 'slow-postgres'; readonly flushMs: number; readonly forMs: number }
  | { readonly does: 'kill-backend'; readonly backend: number }
  | { readonly does: 'exhaust-postgres'; readonly forMs: number }
  | {
      readonly does: 'cut'
      readonly machine: number
      readonly how: 'stalled' | 'black-hole'
      readonly forMs: number
    }
  | { readonly does: 'reset'; readonly machine: number }
  | { readonly does: 'reset-in-frame'; readonly machine: number; readonly direction: 'up' | 'down' }
  | { readonly does: 'slow-network'; readonly latencyMs: number; readonly forMs: number }
  | { readonly does: 'narrow-network'; readonly bytesPerSecond: number; readonly forMs: number }
)
export type Send = Extract<Step, { does: 'send' }>
export type Strike = Exclude<Step, Send>

export interface Plan {
  /** Sessions of each machine beside its person. */
  readonly sessions: readonly number[]
  /** Nodes of the broker. */
  readonly nodes: number
  readonly sends: readonly Send[]
  readonly strikes: readonly Strike[]
}

const STRIKES = [
  'kill-machine',
  'kill-machine',
  'stop-machine',
  'restart-machine',
  'fill-machine',
  'fill-machine',
  'interrupt',
  'clock',
  'clock',
  'kill-broker',
  'kill-broker',
  'stop-broker',
  'restart-broker',
  'end-postgres',
  'end-postgres',
  'stop-postgres',
  'fill-postgres',
  'slow-postgres',
  'kill-backend',
  'exhaust-postgres',
  'cut',
  'cut',
  'reset',
  'reset-in-frame',
  'reset-in-frame',
  'slow-network',
  'narrow-network',
] as const

/** Messages a second, of all together. */
const RATE = 8
/** A nemesis strikes every so often, ms. */
const STRIKE_EVERY_MS = 1500
const HOUR_MS = 3_600_000

/** The plan of a stream for so many seconds. */
export function makePlan(random: Random, seconds: number): Plan {
  const lengthMs = seconds * 1000
  const sessions = Array.from({ length: random.between(2, 3) }, () => random.between(0, 1))
  const nodes = random.chance(0.4) ? 2 : 1
  const sends = Array.from({ length: seconds * RATE }, () => makeSend(random, sessions, lengthMs))
  const count = random.between(1, Math.ceil(lengthMs / STRIKE_EVERY_MS))
  const strikes = Array.from({ length: count }, () =>
    makeStrike(random, { machines: sessions.length, nodes, lengthMs }),
  )
  return { sessions, nodes, sends: sends.sort(inTime), strikes: strikes.sort(inTime) }
}

const inTime = (a: Step, b: Step): number => a.atMs - b.atMs

function makeSend(random: Random, sessions: readonly number[], lengthMs: number): Send {
  const machine = random.between(0, sessions.length - 1)
  const others = sessions.map((_, i) => i).filter(i => i !== machine)
  // One mailbox a machine: a session is shown its person's mail too.
  const to = random.chance(0.25) ? others : [random.pick(others)]
  return {
    atMs: random.fraction() * lengthMs,
    does: 'send',
    machine,
    from: random.between(0, sessions[machine]!),
    to: to.map(other => [other, random.between(0, sessions[other]!)]),
    priority: random.pick(['now', 'next', 'low']),
    ttlMs: random.chance(0.04) ? random.between(1000, 20_000) : HOUR_MS,
    wait: random.pick(['none', 'none', 'accepted', 'delivered']),
  }
}

function makeStrike(
  random: Random,
  { machines, nodes, lengthMs }: { machines: number; nodes: number; lengthMs: number },
): Strike {
  const atMs = random.fraction() * lengthMs
  const forMs = random.pick([0, 300, 3000, 8000]) * random.fraction()
  const machine = random.between(0, machines - 1)
  const node = random.between(0, nodes - 1)
  const does = random.pick(STRIKES)
  switch (does) {
    case 'kill-machine':
    case 'stop-machine':
    case 'restart-machine':
    case 'fill-machine':
      return { atMs, does, machine, forMs }
    case 'kill-broker':
    case 'stop-broker':
    case 'restart-broker':
      return { atMs, does, node, forMs }
    case 'clock':
      return {
        atMs,
        does,
        machine,
        skewMs: random.pick([-1, 1]) * random.pick([1000, 90_000, 600_000]),
        forMs,
      }
    case 'end-postgres':
      return { atMs, does, signal: random.pick(['SIGKILL', 'SIGQUIT', 'SIGINT']), forMs }
    case 'stop-postgres':
    case 'fill-postgres':
    case 'exhaust-postgres':
      return { atMs, does, forMs }
    case 'slow-postgres':
      return { atMs, does, flushMs: random.pick([10, 100]), forMs }
    case 'kill-backend':
      return { atMs, does, backend: random.between(0, 9) }
    case 'cut':
      return { atMs, does, machine, how: random.pick(['stalled', 'black-hole']), forMs }
    case 'reset':
    case 'interrupt':
      return { atMs, does, machine }
    case 'reset-in-frame':
      return { atMs, does, machine, direction: random.pick(['up', 'down']) }
    case 'slow-network':
      return { atMs, does, latencyMs: random.pick([50, 500, 2000]), forMs }
    case 'narrow-network':
      return { atMs, does, bytesPerSecond: random.pick([2000, 20_000]), forMs }
  }
}
