/**
 * What others notice of readers that do not read, of a member that floods, and of a backlog that waits and is fetched. Whoever makes
 * the load runs elsewhere in truth: here it gets what broker, Postgres and the others leave of the cores.
 */
import { type Child, startChild } from './child.ts'
import type { MeshPlace, Written } from './load/commands.ts'
import { Others, type OthersPlan, othersCase, watchMemory } from './others.ts'
import { type Case, say } from './report.ts'
import { type Stack, startStack } from './stack.ts'

export interface OverloadPlan extends OthersPlan {
  /** Sessions that stop reading, each on a socket of its own, and what is sent to all of them meanwhile. */
  readonly readers: number
  readonly letters: number
  /** Messages that wait for as many recipients. */
  readonly backlog: number
}

const MIB = 2 ** 20
const LETTER_BYTES = 64 * 1024
const BODY_BYTES = 512
/** Of a backlog: senders and recipients, and how it is sent. */
const PAIRS = 64
const FLOW = { perFrame: 32, window: 64 }

/** Fails when a message of anybody's is lost or out of order, or one is refused that is within the limits. */
export async function measureOverload(plan: OverloadPlan): Promise<Case[]> {
  return [
    ...(await inScene(plan, { limits: false }, stoppedReaders)),
    ...(await inScene(plan, { limits: true }, flood)),
    ...(await inScene(plan, { limits: false }, backlog)),
  ]
}

interface Scene {
  readonly plan: OverloadPlan
  readonly stack: Stack
  readonly others: Others
  readonly readers: Child
  readonly writers: Child
}

async function inScene(
  plan: OverloadPlan,
  options: { readonly limits: boolean },
  measure: (scene: Scene) => Promise<Case[]>,
): Promise<Case[]> {
  const stack = await startStack(options)
  const [readers, writers] = [startChild('load', { behind: true }), startChild('load', { behind: true })]
  let others: Others | undefined
  try {
    await Promise.all([readers.hello(), writers.hello()])
    others = await Others.start(stack, plan)
    return await measure({ plan, stack, others, readers, writers })
  } finally {
    await readers.stop()
    await writers.stop()
    await others?.stop()
    await stack.stop()
  }
}

async function stoppedReaders({ plan, stack, others, readers, writers }: Scene): Promise<Case[]> {
  say(`${plan.readers} readers stop`)
  const place = await writers.ask<MeshPlace>({ do: 'found', port: stack.port })
  const to = await readers.ask<object[]>({ do: 'readers', place, sessions: plan.readers })
  const quiet = await others.looks()
  const memory = watchMemory(stack)
  readers.pause()
  const letters = { do: 'write', place, to, fan: 'all', senders: 1, messages: plan.letters }
  const written = writers.ask<Written>({ ...letters, bodyBytes: LETTER_BYTES, perFrame: 1, window: 4 })
  const { during } = await others.meanwhile(accepted(written, plan.letters))
  const stopped = [...during, ...(await others.looks())]
  const most = memory.end()
  readers.resume()
  const reading = readers.ask({ do: 'read', messages: plan.letters * plan.readers })
  const { during: back } = await others.meanwhile(reading)
  const name = (what: string) => `${plan.readers} readers stop: ${what}`
  return [
    othersCase(name('others before'), quiet),
    othersCase(name('others meanwhile'), stopped, quiet),
    othersCase(name('others while they catch up'), back, quiet),
    {
      name: name('what waits for them'),
      unit: 'MiB',
      value: (plan.letters * plan.readers * LETTER_BYTES) / MIB,
    },
    { name: name('memory of the broker before'), unit: 'MiB', value: memory.first / MIB },
    { name: name('at most'), unit: 'MiB', value: most / MIB },
  ]
}

/** One member says all it can, and is refused what is beyond its rate. */
async function flood({ plan, stack, others, readers, writers }: Scene): Promise<Case[]> {
  say('a member floods')
  const place = await writers.ask<MeshPlace>({ do: 'found', port: stack.port })
  const to = await readers.ask<object[]>({ do: 'readers', place, sessions: 1 })
  const quiet = await others.looks()
  const memory = watchMemory(stack)
  const ms = plan.looks * plan.lookMs
  const flow = { bodyBytes: BODY_BYTES, perFrame: 100, window: 400 }
  const { came, during } = await others.meanwhile(
    writers.ask<Written>({ do: 'write', place, to, fan: 'one', senders: 1, ms, ...flow }),
  )
  await readers.ask({ do: 'read', messages: came.accepted })
  const after = await others.looks()
  const name = (what: string) => `a member floods: ${what}`
  return [
    othersCase(name('others before'), quiet),
    othersCase(name('others meanwhile'), during, quiet),
    othersCase(name('others behind it'), after, quiet),
    { name: name('taken'), unit: 'msg/s', value: (came.accepted * 1000) / ms },
    { name: name('refused'), unit: 'msg/s', value: (came.refused * 1000) / ms },
    { name: name('memory of the broker before'), unit: 'MiB', value: memory.first / MIB },
    { name: name('at most'), unit: 'MiB', value: memory.end() / MIB },
  ]
}

async function backlog({ plan, stack, others, readers, writers }: Scene): Promise<Case[]> {
  say(`a backlog of ${plan.backlog}`)
  const place = await writers.ask<MeshPlace>({ do: 'found', port: stack.port })
  const to = await readers.ask<object[]>({ do: 'readers', place, sessions: PAIRS })
  await readers.ask({ do: 'readers-cut' })
  const quiet = await others.looks()
  const memory = watchMemory(stack)
  const write = { do: 'write', place, to, fan: 'one', senders: PAIRS, messages: plan.backlog }
  const written = writers.ask<Written>({ ...write, bodyBytes: BODY_BYTES, ...FLOW })
  const { during: growing } = await others.meanwhile(accepted(written, plan.backlog))
  say('it waits')
  const waiting = await others.looks()
  say('it is fetched')
  const began = performance.now()
  await readers.ask({ do: 'readers-back' })
  const fetching = readers
    .ask({ do: 'read', messages: plan.backlog })
    .then(() => (plan.backlog * 1000) / (performance.now() - began))
  const { came: fetched, during } = await others.meanwhile(fetching)
  const most = memory.end()
  const after = await others.looks()
  const name = (what: string) => `a backlog of ${plan.backlog.toLocaleString('en')}: ${what}`
  return [
    othersCase(name('others before'), quiet),
    othersCase(name('others while it grows'), growing, quiet),
    othersCase(name('others while it waits'), waiting, quiet),
    othersCase(name('others while it is fetched'), during, quiet),
    othersCase(name('others behind it'), after, quiet),
    { name: name('fetched'), unit: 'msg/s', value: fetched },
    { name: name('memory of the broker before'), unit: 'MiB', value: memory.first / MIB },
    { name: name('at most'), unit: 'MiB', value: most / MIB },
  ]
}

/** Resolves when all were accepted; throws where one was refused. */
async function accepted(written: Promise<Written>, messages: number): Promise<void> {
  const { accepted, refused } = await written
  if (accepted !== messages) throw new Error(`${accepted} accepted and ${refused} refused of ${messages}`)
}
