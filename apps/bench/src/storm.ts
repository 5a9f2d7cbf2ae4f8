/**
 * What a broker bears: a crowd that is attached and idle, then loses every socket at once and comes back, while others write to each
 * other. A crowd's daemons run elsewhere: here they get what broker, Postgres and the others leave of the cores.
 */
import { type Child, startChild } from './child.ts'
import type { Latency, Storm } from './load/commands.ts'
import { Others, type OthersPlan, othersCase, watchMemory } from './others.ts'
import { type Case, say } from './report.ts'
import { type Stack, startStack } from './stack.ts'

export interface StormPlan extends OthersPlan {
  readonly sessions: number
}

const MIB = 2 ** 20

/** Fails when a session does not come back, or a message of the others is refused, lost or out of order. */
export async function measureStorm({ sessions, ...plan }: StormPlan): Promise<Case[]> {
  const stack = await startStack()
  const crowd = startChild('load', { behind: true })
  let others: Others | undefined
  try {
    await crowd.hello()
    others = await Others.start(stack, plan)
    const opening = await opened(stack, crowd, sessions)
    say('quiet')
    const quiet = await others.looks()
    const memory = watchMemory(stack)
    const before = stack.cpu()
    say(`storm of ${sessions}`)
    const back = crowd.ask<Storm>({ do: 'storm' })
    const { came, during } = await others.meanwhile(back)
    const { broker, postgres } = stack.cpu()
    const after = await others.looks()
    const name = (what: string) => `storm of ${came.sessions.toLocaleString('en')}: ${what}`
    return [
      ...opening,
      { name: name('all are back'), unit: 'ms', value: came.ms },
      { name: name('tries refused'), unit: 'count', value: came.refused },
      perSession(name('broker'), came.sessions, broker - before.broker),
      perSession(name('Postgres'), came.sessions, postgres - before.postgres),
      othersCase(name('others before'), quiet),
      othersCase(name('others meanwhile'), during, quiet),
      othersCase(name(`the slowest ${plan.lookMs / 1000} s of it`), [slowest(during)]),
      othersCase(name('others behind it'), after),
      { name: name('memory of the broker before'), unit: 'MiB', value: memory.first / MIB },
      { name: name('at most'), unit: 'MiB', value: memory.end() / MIB },
    ]
  } finally {
    await crowd.stop()
    await others?.stop()
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

const slowest = (looks: readonly Latency[]): Latency =>
  looks.reduce((worst, look) => (look.p99 > worst.p99 ? look : worst))

const perSession = (name: string, sessions: number, ms: number): Case => ({
  name: `${name}, CPU a session`,
  unit: 'ms',
  value: ms / sessions,
})
