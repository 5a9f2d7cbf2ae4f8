/** A mesh of hundreds, as a person meets it: how long the commands take, from the key pressed to the prompt. */
import { type Machine, makeMachine } from '@claudemesh/testkit'
import { startChild } from './child.ts'
import { cpuTime } from './cpu-time.ts'
import type { Case } from './report.ts'
import { type Stack, startStack } from './stack.ts'
import { median } from './stats.ts'

export interface LargePlan {
  readonly members: number
  readonly sessions: number
  readonly entries: number
  readonly rounds: number
}

/** A command's way from start to end, and what it cost in processor time of daemon, broker and Postgres, ms. */
interface Took {
  readonly ms: number
  readonly cpuMs: number
  /** JSON objects on stdout. */
  readonly answers: number
}

/** Builds the mesh, joins it with a machine of its own, and asks what a person asks. Fails when somebody is missing. */
export async function measureLargeMesh({ members, sessions, entries, rounds }: LargePlan): Promise<Case[]> {
  const stack = await startStack()
  const load = startChild('load')
  const stops: (() => unknown)[] = [() => stack.stop(), () => load.stop()]
  try {
    await load.hello()
    const { port, databaseUrl: url } = stack
    const { link } = await load.ask<{ link: string }>({ do: 'history', port, url, members, entries })
    await stack.restart()
    await load.ask({ do: 'crowd', sessions })
    const machine = await makeMachine('http://127.0.0.1:1')
    stops.push(() => machine.close())
    const ask = (...words: string[]) => timed(machine, stack, words)

    const join = await ask('join', link, '--name', 'Visitor', '-y')
    const first: Took[] = []
    const again: Took[] = []
    const cold: Took[] = []
    const warm: Took[] = []
    for (let round = 0; round < rounds; round++) {
      if (round > 0) await machine.json('daemon', 'stop')
      await untilOnline(machine)
      first.push(await ask('peers'))
      again.push(await ask('peers'))
      if (first.at(-1)!.answers !== sessions + 1)
        throw new Error(`peers shows ${first.at(-1)!.answers} of ${sessions}`)
      cold.push(await ask('send', '@all', 'to everybody', '--wait', 'accepted'))
      warm.push(await ask('send', '@all', 'once more', '--wait', 'accepted'))
    }
    const size = `${sessions.toLocaleString('en')} sessions`
    return [
      took(`join of ${entries.toLocaleString('en')} entries`, [join]),
      took(`peers of ${size}, first`, first),
      took(`peers of ${size}, again`, again),
      took(`@all to ${size}, cold`, cold),
      took(`@all to ${size}, warm`, warm),
    ]
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

/** Throws where the command does not end with 0: not accepted for everybody is no figure. */
async function timed(machine: Machine, stack: Stack, words: readonly string[]): Promise<Took> {
  const cpu = () => cpuTime([machine.daemonPid()]) + stack.cpu().broker + stack.cpu().postgres
  const before = cpu()
  const began = performance.now()
  const { length } = await machine.json(...words)
  return { ms: performance.now() - began, cpuMs: cpu() - before, answers: length }
}

/** The daemon's first word on a mesh comes after its first look at everybody. */
async function untilOnline(machine: Machine): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const [status] = await machine.json<{ meshes: { state: string }[] }>('status')
    if (status?.meshes[0]?.state === 'online') return
    await Bun.sleep(50)
  }
  throw new Error('the daemon is not online after 30 s')
}

const took = (name: string, all: readonly Took[]): Case => ({
  name,
  unit: 'ms',
  value: median(all.map(each => each.ms)),
  cpuMs: median(all.map(each => each.cpuMs)),
})
