/** Everything of a run, as real processes: Postgres, the nodes of a broker behind the network, and machines with their daemons. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HistoryEvent, Recorded } from '@claudemesh/simulation'
import {
  type BrokerProcess,
  NATS_SERVER,
  type NatsServer,
  startBrokerProcess,
  startNats,
} from '@claudemesh/testkit'
import type { Peer } from 'claudemesh'
import { Machine } from './machine.ts'
import { type Network, startNetwork } from './network.ts'
import type { Plan } from './plan.ts'
import { type PlantedFault, plant } from './planted-faults.ts'
import { Postgres } from './postgres.ts'
import { Victim } from './process.ts'
import { soon } from './soon.ts'

export interface Node {
  readonly broker: BrokerProcess
  readonly victim: Victim
}

export interface World {
  readonly events: readonly Recorded[]
  readonly record: (event: HistoryEvent) => void
  readonly postgres: Postgres
  readonly nodes: readonly Node[]
  readonly network: Network
  readonly machines: readonly Machine[]
  close(): Promise<void>
}

const NAMES = ['alice', 'bob', 'carol']
/** All machines see each other within this, or something is wrong before it began. */
const BEGIN_MS = 60_000

/** Starts all of it and waits until every machine sees every session of the others. */
export async function makeWorld({ nodes: count, sessions }: Plan, fault: PlantedFault = {}): Promise<World> {
  const events: Recorded[] = []
  const record = (event: HistoryEvent) => void events.push({ ...event, at: Date.now() })
  const undo: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (let last = undo.pop(); last; last = undo.pop()) await last()
  }
  try {
    const folder = mkdtempSync(join(tmpdir(), 'cm-chaos-key-'))
    undo.push(() => rmSync(folder, { recursive: true, force: true }))
    const postgres = await Postgres.start()
    undo.push(() => postgres.close())
    await plant(postgres.url, fault.inDatabase)
    const network = await startNetwork(record)
    undo.push(() => network.close())
    const nats = count > 1 && NATS_SERVER !== null ? await startNats() : undefined
    undo.push(() => nats?.kill())
    const nodes = await startNodes(count, {
      postgres,
      network,
      nats,
      folder,
      env: fault.brokerEnv ?? {},
      undo,
    })
    network.route(nodes.map(({ broker }) => Number(new URL(broker.url).port)))
    const machines = sessions.map((_, i) => new Machine(NAMES[i]!, record, fault.daemonEnv ?? {}))
    for (const [i, machine] of machines.entries()) {
      undo.push(() => machine.close())
      machine.skewMs = i * (fault.skewMs ?? 0)
    }
    // A run that is ended hard leaves no process behind.
    const last = () => {
      postgres.kill()
      for (const machine of machines) machine.kill()
      for (const { broker } of nodes) void broker.end('SIGKILL')
    }
    process.once('exit', last)
    undo.push(() => process.off('exit', last))
    await Promise.all(machines.map(machine => machine.start()))
    const [first, ...others] = machines as [Machine, ...Machine[]]
    await first.found(`http://127.0.0.1:${network.port}`)
    const link = await first.invite(others.length)
    for (const machine of others) await machine.join(link)
    await Promise.all(machines.map((machine, i) => machine.open(sessions[i]!)))
    await soon(BEGIN_MS, 'the machines never saw each other', () => seeEachOther(machines))
    return { events, record, postgres, nodes, network, machines, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface NodeParts {
  readonly postgres: Postgres
  readonly network: Network
  readonly nats: NatsServer | undefined
  readonly folder: string
  /** Further environment. */
  readonly env: Readonly<Record<string, string>>
  readonly undo: (() => unknown)[]
}

/** They share the key and the address; the network is who comes from everywhere. */
async function startNodes(count: number, o: NodeParts): Promise<Node[]> {
  const settings = {
    PUBLIC_HOSTS: `127.0.0.1:${o.network.port}`,
    BROKER_KEY_FILE: join(o.folder, 'broker.key'),
    RATE_ADDRESS: '0',
    ...o.env,
    ...(o.nats ? { NATS_URL: o.nats.url } : {}),
  }
  const nodes: Node[] = []
  for (let i = 0; i < count; i++) {
    const broker = await startBrokerProcess(o.postgres.url, { ...settings, NODE_NAME: randomUUID() })
    o.undo.push(() => broker.close())
    nodes.push({ broker, victim: new Victim() })
  }
  return nodes
}

async function seeEachOther(machines: readonly Machine[]): Promise<boolean> {
  const sessions = machines.flatMap(({ mailboxes }) => mailboxes.flatMap(({ uuid }) => uuid ?? []))
  const seen = await Promise.all(
    machines.map(async machine => new Set(((await machine.call('peers', {})) as Peer[]).map(p => p.uuid))),
  )
  return seen.every(uuids => sessions.every(uuid => uuids.has(uuid)))
}
