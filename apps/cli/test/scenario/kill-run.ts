/** Kills broker, both daemons and Postgres at random messages of a run, and says what became of every message. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@claudemesh/db'
import {
  type BrokerProcess,
  freePort,
  type Machine,
  makeMachine,
  startBrokerProcess,
} from '@claudemesh/testkit'
import { callDaemon, followDaemon } from '../../src/api/client.ts'
import { randomFrom, restartDaemon, Victim } from './victims.ts'

/** Messages that wait unread in the end, at most. */
const MAILBOX = 5000
/** A receipt may meet a daemon that has to ask for keys anew, and a broker that was just killed: the longest of their pauses, and a machine that does much else. */
const RECEIPTS_MS = 120_000

export interface KillRun {
  readonly messages: number
  /** How often each of the four is killed. */
  readonly killsEach: number
  readonly seed: number
}
export interface KillOutcome {
  /** Texts whose outbox row the daemon confirmed, in the order they were written. */
  readonly confirmed: string[]
  /** Texts in whose call the daemon died: each may have been stored or not. */
  readonly uncertain: Set<string>
  /** What the recipient was shown, in the order it was shown. */
  readonly received: string[]
  /** Confirmed messages by the last state their sender was told. */
  readonly states: Record<string, number>
  readonly kills: number
}

export async function killRun({ messages, killsEach, seed }: KillRun): Promise<KillOutcome> {
  const random = randomFrom(seed)
  const root = mkdtempSync(join(tmpdir(), 'cm-kill-'))
  const port = await freePort()
  const dataDir = join(root, 'postgres')
  let postgres: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir, port })
  let broker: BrokerProcess | undefined
  const machines: Machine[] = []
  try {
    broker = await startBrokerProcess(postgres.url)
    const [alice, bob] = await Promise.all([
      makeMachine('http://127.0.0.1:1'),
      makeMachine('http://127.0.0.1:1'),
    ])
    machines.push(alice, bob)
    await alice.json('mesh', 'create', 'home', '--broker', broker.url, '--as-name', 'alice')
    const [invite] = await alice.json<{ link: string }>('invite')
    await bob.json('join', invite!.link, '--name', 'bob', '-y')
    // Nobody reads: a mailbox as shipped would be full, and say so, before the last of them.
    await bob.json('limits', `inbox=${MAILBOX}`, `inbox-member=${MAILBOX}`)

    const theBroker = broker
    const daemonOf = (machine: Machine) => new Victim(() => restartDaemon(machine))
    const sender = daemonOf(alice)
    const victims = [
      new Victim(async () => {
        await theBroker.end('SIGKILL')
        await startAsSupervised(theBroker)
      }),
      sender,
      daemonOf(bob),
      new Victim(async () => {
        postgres.kill('SIGKILL')
        await postgres.stop()
        postgres = await startEmbeddedPostgres({ dataDir, port })
      }),
    ]
    const kills = new Map<number, Victim[]>()
    for (const victim of victims)
      for (let i = 0; i < killsEach; i++) {
        const at = Math.floor(random() * messages)
        kills.set(at, [...(kills.get(at) ?? []), victim])
      }

    const confirmed: string[] = []
    const ids: string[] = []
    const uncertain = new Set<string>()
    for (let n = 0; n < messages; n++) {
      for (const victim of kills.get(n) ?? []) {
        await victim.back
        victim.kill()
      }
      const text = `message ${n}`
      try {
        const body = { to: ['bob'], text, wait: 'none' }
        const { id } = (await callDaemon('send', { home: alice.mesh, body })) as { id: string }
        confirmed.push(text)
        ids.push(id)
      } catch {
        uncertain.add(text)
        await sender.back
      }
    }
    await Promise.all(victims.map(victim => victim.back))

    const received = await receivedBy(bob, new Set(confirmed))
    const states: Record<string, number> = {}
    const until = Date.now() + RECEIPTS_MS
    for (const id of ids) {
      const state = await settledState(alice, id, until)
      states[state] = (states[state] ?? 0) + 1
      if (state !== 'delivered') await explain(id, alice, bob)
    }
    console.info(`the last receipt came ${Date.now() - until + RECEIPTS_MS} ms after the last message`)
    return { confirmed, uncertain, received, states, kills: killsEach * victims.length }
  } finally {
    for (const machine of machines) await machine.close()
    await broker?.close()
    await postgres.stop()
    rmSync(root, { recursive: true, force: true })
  }
}

/** A broker that finds no database ends and says so; whoever runs it starts it again. */
async function startAsSupervised(broker: BrokerProcess): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await broker.start()
    } catch (error) {
      if (tries === 20 || !String(error).includes('the database')) throw error
    }
  }
}

/** Follows the inbox until every one of `wanted` was shown, then reads all of it anew. */
async function receivedBy(machine: Machine, wanted: Set<string>): Promise<string[]> {
  const missing = new Set(wanted)
  const done = new AbortController()
  const query = { all: true, peek: true, follow: true }
  for await (const line of await followDaemon('inbox', { home: machine.mesh, query, signal: done.signal })) {
    missing.delete((line as { text: string }).text)
    if (missing.size === 0) break
  }
  done.abort()
  const all = await machine.json<{ text: string }>('inbox', '--all', '--peek')
  return all.map(({ text }) => text)
}

/** The state the sender was told last; waits for the receipt, which may still be on its way. */
async function settledState(machine: Machine, id: string, until: number): Promise<string> {
  for (;;) {
    const steps = (await readLines(machine, id)).map(step => step.state)
    // No step need be the last: an envelope whose answer was lost is accepted again, behind the receipt for it (SPEC 7).
    if (steps.includes('delivered')) return 'delivered'
    if (Date.now() > until) return steps.at(-1) ?? 'nothing'
  }
}
async function readLines(machine: Machine, id: string): Promise<{ state: string }[]> {
  return (await callDaemon('trace', { home: machine.mesh, params: { id } })) as { state: string }[]
}

/** What both ends wrote down, for whoever has to find out why no receipt came. */
async function explain(id: string, ...machines: Machine[]): Promise<void> {
  console.error(`no receipt for ${id}:`, await readLines(machines[0]!, id))
  for (const { mesh } of machines)
    console.error(readFileSync(join(mesh, 'logs', 'daemon.log'), 'utf8').slice(-20_000))
}
