/** One seed, one run of real processes: founds a world, lets the plan happen to it, heals everything, waits for quiet and checks. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Broken, check, type History, openRandom, type Recorded } from '@claudemesh/simulation'
import { isSigned, readLog, readStores, readTruths } from './ending.ts'
import { makePlan, type Plan, type Send } from './plan.ts'
import type { PlantedFault } from './planted-faults.ts'
import { heal, strike } from './strike.ts'
import { makeWorld, type World } from './world.ts'

export interface Outcome {
  readonly plan: Plan
  readonly history: History
  readonly broken: readonly Broken[]
  /** Names of keys, for who reads the history. */
  readonly names: Readonly<Record<string, string>>
  /** From the last nemesis until nothing was open any more, ms. */
  readonly quietMs: number
  /** What was open last. */
  readonly waitedFor: string
}

export interface RunOptions {
  readonly seconds: number
  /** Longer than any wait of the product that quiet depends on: backoff, redelivery, silence, gaps; ms. */
  readonly patienceMs?: number
  readonly fault?: PlantedFault
}

const PATIENCE_MS = 600_000
const LOOK_MS = 500

/** Repeats the plan of a seed; what the processes make of it is their own. */
export async function run(
  seed: number,
  { seconds, patienceMs = PATIENCE_MS, fault }: RunOptions,
): Promise<Outcome> {
  const plan = makePlan(openRandom(seed, 'chaos'), seconds)
  const world = await makeWorld(plan, fault)
  try {
    await play(world, plan, seconds)
    await heal(world)
    const healed = Date.now()
    let broken = await look(world)
    let waitedFor = ''
    while (broken.length > 0 && Date.now() < healed + patienceMs) {
      waitedFor = broken.map(({ what }) => what).join('; ')
      await delay(LOOK_MS)
      broken = await look(world)
    }
    const quietMs = Date.now() - healed
    const history = await historyOf(world)
    return { plan, history, broken: check(history), names: namesOf(world), quietMs, waitedFor }
  } finally {
    await world.close()
  }
}

async function play(world: World, { sends, strikes }: Plan, seconds: number): Promise<void> {
  const began = Date.now()
  const under: Promise<void>[] = []
  for (const step of [...sends, ...strikes].sort((a, b) => a.atMs - b.atMs)) {
    await delay(Math.max(0, began + step.atMs - Date.now()))
    if (step.does === 'send') under.push(send(world, step))
    else {
      world.record({ type: 'nemesis', what: JSON.stringify(step) })
      strike(world, step)
    }
  }
  await delay(Math.max(0, began + seconds * 1000 - Date.now()))
  await heal(world)
  await Promise.all(under)
}

/** A daemon that is down or dies meanwhile promises nothing. */
async function send({ machines, record }: World, { machine, from, to, ...how }: Send): Promise<void> {
  const sender = machines[machine]!
  const { priority, ttlMs, wait } = how
  try {
    await sender.send({
      from: sender.mailboxes[from]!,
      to: to.map(([other, place]) => machines[other]!.mailboxes[place]!),
      priority,
      ttlMs,
      wait,
    })
  } catch (error) {
    record({ type: 'nemesis', what: `${sender.name} did not send: ${String(error)}` })
  }
}

/** What is still open: cheap, and without what cannot heal. */
async function look(world: World): Promise<Broken[]> {
  try {
    const { sent, outbox, inbox } = readStores(world.machines)
    const ending = { ...(await readTruths(world)), outbox, inbox, auditFault: null }
    const open = check({ events: sent.map(event => ({ ...event, at: 0 })), ending })
    if (open.length > 0 || (await isSigned(world))) return open
    return [{ promise: 'stuck', what: 'leaves of the log wait for a signed head' }]
  } catch (error) {
    return [{ promise: 'stuck', what: String(error) }]
  }
}

/** In the order in which one thing has to be so before another may be said. */
async function historyOf(world: World): Promise<History> {
  const { sent, stored, outbox, inbox } = readStores(world.machines)
  const { committed, auditFault } = await readLog(world.postgres.url)
  const ending = { ...(await readTruths(world)), outbox, inbox, auditFault }
  const known = new Set(sent.map(({ msg }) => msg))
  const forgotten = world.machines.flatMap(({ confirmed }) =>
    confirmed
      .filter(({ msg }) => !known.has(msg))
      .map(({ msg, sending: { from, to, ttlMs } }) => {
        return { type: 'sent', from: from.key, to: to.map(({ key }) => key), msg, ttlMs } as const
      }),
  )
  const bySent = new Map(sent.map(event => [event.msg, event]))
  const said = world.events.flatMap((event): Recorded[] => {
    if (event.type !== 'released' && event.type !== 'shown') return [event]
    const of = bySent.get(event.msg)
    // A session is shown its person's mail too: that is the person's to be judged.
    const isPersons = of && !of.to.includes(event.to) && of.to.includes(personOf(event.to))
    if (event.type === 'shown') return [isPersons ? { ...event, to: personOf(event.to) } : event]
    return isPersons ? [] : [{ ...event, from: of?.from ?? '' }]
  })
  const standing = [...sent, ...forgotten, ...committed, ...stored].map(event => ({ ...event, at: 0 }))
  const words = outbox.map(row => ({ ...row, type: 'told', why: null, at: Date.now() }) as const)
  return { events: [...standing, ...said, ...words], ending }
}

const personOf = (key: string): string => `${key.split('/')[0]}/`

const namesOf = ({ machines }: World): Record<string, string> =>
  Object.fromEntries(
    machines.flatMap(({ name, member, mailboxes }) => [
      ...mailboxes.slice(1).map(({ key }, i) => [key, `${name}.s${i}`]),
      [member, name],
    ]),
  )
