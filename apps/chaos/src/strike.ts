/** The nemeses: what each does to the world, and how all of it is healed. */
import { setTimeout as delay } from 'node:timers/promises'
import type { BrokerProcess } from '@claudemesh/testkit'
import type { Network } from './network.ts'
import type { Strike } from './plan.ts'
import type { Node, World } from './world.ts'

/** A broker that finds no database ends and says so; whoever runs it starts it again, as long as this. */
const SUPERVISED_MS = 120_000
const AGAIN_MS = 500

/** Begins what a step does; it ends by itself after its time, or when all is healed. */
export function strike(world: World, step: Strike): void {
  if ('node' in step) strikeBroker(world.nodes[step.node]!, step)
  else if ('machine' in step) strikeMachine(world, step)
  else if (step.does === 'slow-network' || step.does === 'narrow-network') strikeNetwork(world, step)
  else strikePostgres(world, step)
}

type Of<Does extends Strike['does']> = Extract<Strike, { does: Does }>

function strikeBroker({ broker, victim }: Node, step: Extract<Strike, { node: number }>): void {
  if (step.does === 'stop-broker')
    victim.strike(
      step.forMs,
      () => process.kill(broker.pid, 'SIGSTOP'),
      () => process.kill(broker.pid, 'SIGCONT'),
    )
  else
    victim.strike(
      step.forMs,
      () => broker.end(step.does === 'kill-broker' ? 'SIGKILL' : 'SIGTERM'),
      () => startAsSupervised(broker),
    )
}

function strikeMachine({ machines, network }: World, step: Extract<Strike, { machine: number }>): void {
  const machine = machines[step.machine]!
  const { victim, member } = machine
  switch (step.does) {
    case 'kill-machine':
    case 'restart-machine':
      victim.strike(
        step.forMs,
        () => machine.end(step.does === 'kill-machine' ? 'SIGKILL' : 'SIGTERM'),
        () => machine.start(),
      )
      break
    case 'stop-machine':
      victim.strike(
        step.forMs,
        () => machine.signal('SIGSTOP'),
        () => machine.signal('SIGCONT'),
      )
      break
    case 'fill-machine':
      victim.strike(
        step.forMs,
        () => machine.disk.fill(),
        () => machine.disk.free(),
      )
      break
    case 'clock':
      machine.skewMs = step.skewMs
      after(step.forMs, () => {
        machine.skewMs = 0
      })
      break
    case 'interrupt':
      for (const session of machine.sessions) session.interrupt()
      break
    case 'cut':
      network.cut(member, step.how)
      after(step.forMs, () => network.heal(member))
      break
    case 'reset':
      network.reset(member)
      break
    case 'reset-in-frame':
      network.resetInFrame(member, step.direction)
  }
}

function strikeNetwork({ network }: World, step: Of<'slow-network' | 'narrow-network'>): void {
  if (step.does === 'slow-network') network.latencyMs = step.latencyMs
  else network.bytesPerSecond = step.bytesPerSecond
  after(step.forMs, () => widen(network, step.does))
}

function widen(network: Network, what: 'slow-network' | 'narrow-network'): void {
  if (what === 'slow-network') network.latencyMs = 0
  else network.bytesPerSecond = Number.POSITIVE_INFINITY
}

function strikePostgres(
  { postgres }: World,
  step: Of<
    'end-postgres' | 'stop-postgres' | 'fill-postgres' | 'slow-postgres' | 'kill-backend' | 'exhaust-postgres'
  >,
): void {
  const { victim } = postgres
  let giveBack = async (): Promise<void> => {}
  switch (step.does) {
    case 'end-postgres':
      victim.strike(
        step.forMs,
        () => postgres.end(step.signal),
        () => postgres.start(),
      )
      break
    case 'stop-postgres':
      victim.strike(
        step.forMs,
        () => postgres.signal('SIGSTOP'),
        () => postgres.signal('SIGCONT'),
      )
      break
    case 'fill-postgres':
      victim.strike(
        step.forMs,
        () => postgres.disk.fill(),
        () => postgres.makeRoom(),
      )
      break
    case 'slow-postgres':
      victim.strike(
        step.forMs,
        () => postgres.slowDown(step.flushMs),
        () => postgres.slowDown(0),
      )
      break
    case 'kill-backend':
      victim.strike(
        0,
        () => postgres.killBackend(step.backend),
        () => {},
      )
      break
    case 'exhaust-postgres':
      victim.strike(
        step.forMs,
        async () => {
          giveBack = await postgres.exhaust()
        },
        () => giveBack(),
      )
  }
}

/** Everything is up, connected and fast from now on; resolves when all processes run. */
export async function heal({ machines, network, postgres, nodes }: World): Promise<void> {
  widen(network, 'slow-network')
  widen(network, 'narrow-network')
  for (const machine of machines) {
    machine.skewMs = 0
    network.heal(machine.member)
  }
  await postgres.victim.heal()
  await Promise.all([...nodes, ...machines].map(({ victim }: Pick<Node, 'victim'>) => victim.heal()))
}

function after(ms: number, work: () => void): void {
  setTimeout(work, ms).unref()
}

async function startAsSupervised(broker: BrokerProcess): Promise<void> {
  const end = Date.now() + SUPERVISED_MS
  for (;;)
    try {
      return await broker.start()
    } catch (error) {
      if (Date.now() > end || !/database|Postgres/i.test(String(error))) throw error
      await delay(AGAIN_MS)
    }
}
