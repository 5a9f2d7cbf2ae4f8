/** One seed, one history: founds a world, lets the plan of the seed happen to it, heals everything, waits for quiet and checks. */
import { type Broken, check } from './checker.ts'
import { endingOf, removedMembers } from './ending.ts'
import type { History } from './history.ts'
import { onSeededHost } from './host.ts'
import { makePlan, type Plan, type Step } from './plan.ts'
import { NO_BUG, type PlantedBug } from './planted-bugs.ts'
import { Died } from './process-store.ts'
import { openRandom } from './random.ts'
import { Recorder } from './recorder.ts'
import type { Call } from './storage/observed.ts'
import { makeWorld, type World } from './world.ts'

export interface Outcome {
  readonly seed: number
  readonly plan: Plan
  readonly history: History
  readonly broken: readonly Broken[]
  /** Names of keys, for who reads the history. */
  readonly names: Readonly<Record<string, string>>
  /** Over every step, event and byte on the wire. */
  readonly hash: string
}

/** Longer than any wait of the product that quiet depends on: backoff, redelivery, gaps, resealing, grace. */
const QUIET_MS = 40 * 60_000
/** Between looks at a world that is to become quiet. */
const LOOK_MS = 5000

export interface SimulateOptions {
  readonly bug?: PlantedBug
  /** Hears what the database was asked and answered, in its order; `at` in ms since 1970. */
  readonly asked?: (call: Call, at: number) => void
}

/** Runs the history of a seed. One at a time in a process. */
export async function simulate(
  seed: number,
  { bug = NO_BUG, asked = () => {} }: SimulateOptions = {},
): Promise<Outcome> {
  const recorder = new Recorder()
  const unhandled = (error: unknown) => {
    if (!(error instanceof Died))
      recorder.event({ type: 'broke', what: `nobody waited for: ${String(error)}` })
  }
  return onSeededHost({ random: openRandom(seed, 'host'), unhandled }, async () => {
    const plan = makePlan(openRandom(seed, 'plan'))
    const world = await makeWorld({ ...plan, seed, bug, asked, recorder })
    const { scheduler } = world
    const began = scheduler.time
    const ends: (() => void)[] = []
    for (const step of plan.steps) {
      await scheduler.run(began + step.atMs)
      take(world, step, ends)
    }
    await scheduler.run(began + plan.lengthMs)
    for (const cancel of ends) cancel()
    heal(world)
    let looked = look(world)
    const latest = scheduler.time + QUIET_MS
    while (looked.broken.length > 0 && looked.broken.every(mayHeal) && scheduler.time < latest) {
      await scheduler.run(scheduler.time + LOOK_MS)
      heal(world)
      looked = look(world)
    }
    for (const { client } of world.machines) void client?.stop()
    return { seed, plan, ...looked, names: namesOf(world), hash: recorder.digest() }
  })
}

/** What was said too early, twice or out of order stays so; what is open may still end well. */
const mayHeal = ({ promise }: Broken): boolean =>
  promise === 'loss' || promise === 'stuck' || promise === 'two-truths'

function look(world: World): { history: History; broken: Broken[] } {
  const { recorder, scheduler } = world
  const removed = removedMembers(world).map(
    member => ({ type: 'removed', member, at: scheduler.now() }) as const,
  )
  const history = { events: [...recorder.events, ...removed], ending: endingOf(world) }
  return { history, broken: check(history) }
}

/** Everything is up, connected, fast and on time from now on. */
function heal({ nodes, machines, network, weather }: World): void {
  Object.assign(weather, { latencyMs: 1, lossy: 0, skewMs: 0 })
  network.latencyMs = 1
  for (const node of nodes) node.start()
  for (const machine of machines) {
    network.heal(machine.name)
    machine.skewMs = 0
    machine.start()
  }
}

/** `ends`: what cancels the ends of what struck. */
function take(world: World, step: Step, ends: (() => void)[]): void {
  const { machines, scheduler, recorder } = world
  if (step.does === 'send') {
    const all = machines.flatMap(one => one.mailboxes)
    const [from, ...to] = step.mailboxes.map(place => all[place]!)
    const recipients = to.map(({ recipient }) => recipient)
    machines[step.machine]!.send(from!.uuid, recipients, step.priority, step.ttlMs)
    return
  }
  recorder.event({ type: 'nemesis', what: JSON.stringify(step) })
  const end = strike(world, step)
  if ('forMs' in step && end) ends.push(scheduler.after(null, step.forMs, end))
}

/** Answers what ends it. */
function strike(world: World, step: Exclude<Step, { does: 'send' }>): (() => void) | undefined {
  const { machines, network, nodes, weather, recorder } = world
  const machine = 'machine' in step && step.machine !== null ? machines[step.machine]! : machines[0]!
  switch (step.does) {
    case 'crash':
      machine.crash(step.silently)
      return () => machine.start()
    case 'crash-at-commit':
      machine.dieAtCommit(step.commits, step.when)
      return
    case 'crash-broker':
      nodes[step.node]!.crash(step.silently)
      return () => nodes[step.node]!.start()
    case 'restart-broker':
      nodes[step.node]!.stop()
      return () => nodes[step.node]!.start()
    case 'cut':
      network.cut(machine.name, step.how)
      return () => network.heal(machine.name)
    case 'reset':
      network.reset(machine.name)
      return
    case 'slow-database':
      return change(weather, 'latencyMs', step.latencyMs)
    case 'lossy-database':
      return change(weather, 'lossy', step.share)
    case 'slow-network':
      return change(network, 'latencyMs', step.latencyMs)
    case 'clock':
      return change<{ skewMs: number }, 'skewMs'>(
        step.machine === null ? weather : machine,
        'skewMs',
        step.skewMs,
      )
    case 'remove':
      void machines[0]!.client
        ?.remove(machine.mailboxes[0]!.recipient.member)
        .catch(error => recorder.event({ type: 'nemesis', what: `not removed: ${String(error)}` }))
  }
}

function change<Of extends object, Name extends keyof Of>(of: Of, name: Name, to: Of[Name]): () => void {
  const before = of[name]
  of[name] = to
  return () => {
    of[name] = before
  }
}

/** Sessions first: their keys begin with those of their members. */
const namesOf = ({ machines }: World): Record<string, string> =>
  Object.fromEntries(
    machines.flatMap(({ name, member, mailboxes, keyOf }) => [
      ...mailboxes.slice(1).map(({ uuid }, i) => [keyOf(uuid), `${name}.s${i}`]),
      [member, name],
    ]),
  )
