/**
 * Six real sessions on two machines write to each other while claude, daemons and broker are killed at random messages; then says of
 * every message what its sender was told and what stood in the model's context.
 */
import { spawn } from 'node:child_process'
import { type BrokerProcess, type Machine, type ModelStub, sessionFile } from '@claudemesh/testkit'
import { randomFrom, restartDaemon, Victim } from '../scenario/victims.ts'
import { ask } from './two-people.ts'

export interface SessionKillRun {
  readonly messages: number
  /** Of claude, a daemon or the broker, drawn for each. */
  readonly kills: number
  readonly seed: number
}

export interface SessionKillOutcome {
  /** Ids that a daemon took, in the order they were written. */
  readonly taken: string[]
  /** Calls in which the daemon died: each may have been stored or not. */
  readonly uncertain: number
  /** By id: the states, with the reason if any, that the sender was told by a receipt that checks out, in their order. */
  readonly told: Map<string, string[]>
  /** By id: how often a session was given it, without and with the remark that it may have seen it before. */
  readonly given: Map<string, { plain: number; again: number }>
  readonly killed: Record<'claude' | 'daemon' | 'broker', number>
}

interface Scene {
  readonly model: ModelStub
  readonly broker: BrokerProcess
  readonly alice: Machine
  readonly bob: Machine
}

interface Peer {
  readonly machine: Machine
  /** `alice/s0`. */
  readonly address: string
  readonly name: string
  uuid: string
}

/** Looks at one message's trace before the run is given up; each takes some ms. */
const MOST_LOOKS = 5000

export async function sessionKillRun(scene: Scene, run: SessionKillRun): Promise<SessionKillOutcome> {
  const random = randomFrom(run.seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const ended = new Set<() => void>()
  const daemons = new Map(
    [scene.alice, scene.bob].map(machine => [machine, new Victim(() => restartDaemon(machine))]),
  )
  const broker = new Victim(async () => {
    await scene.broker.end('SIGKILL')
    await scene.broker.start()
  })
  // What is written here is no talk: its hops and its sameness say nothing, and nothing of it is to be held for them.
  const limits = { hops: 255, loop: 1000, pairBurst: 10_000, threadBurst: 10_000 }
  for (const machine of [scene.alice, scene.bob]) await ask(machine, 'setLimits', { body: limits })
  const peers = await Promise.all(
    Array.from({ length: 6 }, (_, n) => {
      const [machine, person] = n % 2 === 0 ? [scene.alice, 'alice'] : [scene.bob, 'bob']
      const name = `s${n}`
      return startPeer({ machine, name, address: `${person}/${name}`, uuid: '' }, ended)
    }),
  )
  try {
    const clients = peers.map(({ peer, die }) => new Victim(() => die(peer)))
    const killed = { claude: 0, daemon: 0, broker: 0 }
    const kills = new Map<number, (readonly [keyof typeof killed, Victim])[]>()
    for (let n = 0; n < run.kills; n++) {
      const kind = pick(['claude', 'claude', 'daemon', 'broker'] as const)
      const victim = { claude: pick(clients), daemon: pick([...daemons.values()]), broker }[kind]
      const at = Math.floor(random() * run.messages)
      kills.set(at, [...(kills.get(at) ?? []), [kind, victim] as const])
    }

    const taken: { id: string; by: Machine }[] = []
    let uncertain = 0
    for (let n = 0; n < run.messages; n++) {
      for (const [kind, victim] of kills.get(n) ?? []) {
        await victim.back
        victim.kill()
        killed[kind]++
      }
      const { peer: from } = pick(peers)
      const { peer: to } = pick(peers.filter(each => each.peer !== from))
      const body = { as: from.uuid, to: [to.address], text: `message ${n}`, wait: 'none' }
      try {
        taken.push({ id: (await ask<{ id: string }>(from.machine, 'send', { body })).id, by: from.machine })
      } catch {
        uncertain++
        await daemons.get(from.machine)!.back
      }
    }
    await Promise.all([...clients, ...daemons.values(), broker].map(victim => victim.back))

    const told = new Map<string, string[]>()
    for (const { id, by } of taken) told.set(id, await settled(by, id))
    const given = givenIn(scene.model)
    for (const [id, states] of told) {
      if (states.includes('surfaced')) continue
      const seen = await Promise.all(
        [scene.alice, scene.bob].map(machine =>
          ask<{ at: number; state: string; why: string | null }[]>(machine, 'trace', {
            params: { id },
          }).catch(error => String(error)),
        ),
      )
      console.warn(id, states, given.get(id), JSON.stringify(seen))
    }
    return {
      taken: taken.map(({ id }) => id),
      uncertain,
      told,
      given,
      killed,
    }
  } finally {
    for (const end of ended) end()
  }
}

interface Running {
  readonly peer: Peer
  /** kill -9 of its claude; resolves when it runs again. */
  readonly die: (peer: Peer) => Promise<void>
}

async function startPeer(peer: Peer, ended: Set<() => void>): Promise<Running> {
  const { machine, name } = peer
  /** Launches it until it runs: a daemon that is killed under a launch makes that fail, and its user types it again. */
  const sit = async (...more: string[]): Promise<{ pid: number; gone: Promise<void> }> => {
    for (;;) {
      const [bun, ...args] = machine.command('launch', '-y', '--headless', '--name', name, ...more)
      const launch = spawn(bun!, args, {
        cwd: machine.cwd,
        env: machine.env,
        stdio: ['pipe', 'ignore', 'ignore'],
      })
      const end = (): boolean => launch.kill('SIGTERM')
      ended.add(end)
      const gone = new Promise<void>(resolve => launch.once('exit', () => resolve()))
      const pid = await Promise.race([runningPid(), gone])
      if (pid !== undefined) return { pid, gone }
      ended.delete(end)
    }
  }
  const runningPid = async (): Promise<number> => {
    if (peer.uuid === '') peer.uuid = await openedUuid()
    const { pid } = await sessionFile(
      machine,
      file => file.sessionId === peer.uuid && file.status !== undefined && isAlive(file.pid),
      120_000,
    )
    return pid
  }
  const openedUuid = async (): Promise<string> => {
    for (;;) {
      const rows = await ask<{ uuid: string; name: string; open: boolean }[]>(machine, 'sessions').catch(
        () => [],
      )
      const row = rows.find(each => each.name === name && each.open)
      if (row !== undefined) return row.uuid
    }
  }
  let now = await sit()
  // A conversation that has begun is one that can be gone on with.
  const turn = await ask<{ id: string }>(machine, 'send', {
    body: { to: [peer.address], text: 'SAY here', wait: 'surfaced', timeoutMs: 120_000 },
  })
  if (turn.id === '') throw new Error('unreachable')
  return {
    peer,
    async die() {
      process.kill(now.pid, 'SIGKILL')
      await now.gone
      now = await sit('--resume', peer.uuid)
    },
  }
}

/** What its sender was told of the message, once it was told that it surfaced or all looks are spent. */
async function settled(by: Machine, id: string): Promise<string[]> {
  for (let look = 0; ; look++) {
    const steps = await ask<{ state: string; why: string | null; byKey: object | null; verified: boolean }[]>(
      by,
      'trace',
      { params: { id } },
    )
    // What the receiver signed: on the same machine the trace has its own view as well.
    const states = steps
      .filter(({ byKey, verified }) => byKey !== null && verified)
      .map(({ state, why }) => [state, why].filter(Boolean).join(' '))
    if (states.includes('surfaced') || look === MOST_LOOKS) return states
  }
}

/** Every framing that stood in a model's context: of each conversation the last request holds all. */
function givenIn(model: ModelStub): SessionKillOutcome['given'] {
  const framings = new Set<string>()
  for (const { messages } of model.requests)
    for (const [n, message] of messages.entries())
      for (const text of textsOf(message.content))
        for (const framing of text.split(/(?=claudemesh: (?:A message|\d+ messages) from outside)/))
          if (framing.includes('== message ')) framings.add(`${n}\n${framing}`)
  const given = new Map<string, { plain: number; again: number }>()
  for (const framing of framings)
    for (const [, id] of framing.matchAll(/^== message ([0-9a-f-]{36}) /gm)) {
      const count = given.get(id!) ?? { plain: 0, again: 0 }
      count[framing.includes('Given again, ') ? 'again' : 'plain']++
      given.set(id!, count)
    }
  return given
}

const textsOf = (content: string | readonly { type: string; text?: string }[]): string[] =>
  typeof content === 'string' ? [content] : content.flatMap(block => block.text ?? [])

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
