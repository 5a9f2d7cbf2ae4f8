/** Several nodes of one broker on one database, each behind a door of its own whose host all of them answer to. */
import { randomUUID } from 'node:crypto'
import { brokerStore, openDatabase } from '@claudemesh/db'
import { type Balancer, freshDatabase, startBalancer } from '@claudemesh/testkit'
import { type Clock, type RunningBroker, readSettings, startBroker } from '../../src/index.ts'
import { testEnv } from '../test-broker.ts'

export interface Node extends RunningBroker {
  /** Dial this one: it stays when the node is started anew. */
  readonly door: Balancer
  readonly env: Record<string, string>
}

export interface Nodes {
  readonly nodes: readonly Node[]
  readonly env: Record<string, string>
  stop(): Promise<void>
}

/** `count` doors, and the environment of nodes that all answer to their hosts. */
export async function openDoors(
  count: number,
  settings: Record<string, string>,
): Promise<{ doors: Balancer[]; env: Record<string, string>; drop(): Promise<void> }> {
  const doors = await Promise.all(Array.from({ length: count }, startBalancer))
  const { url, drop } = await freshDatabase()
  const env = testEnv(url, {
    PUBLIC_HOSTS: doors.map(door => door.host).join(),
    CHECKPOINT_MS: '200',
    ...settings,
  })
  return { doors, env, drop }
}

/** Starts `count` nodes in this process; `own`: further settings of one; `clocks`: theirs, where not the machine's. */
export async function startNodes(
  count: number,
  settings: Record<string, string>,
  own: (place: number, shared: Record<string, string>) => Record<string, string> = () => ({}),
  clocks: readonly Clock[] = [],
): Promise<Nodes> {
  const { doors, env } = await openDoors(count, settings)
  const nodes: Node[] = []
  for (const [i, door] of doors.entries()) {
    const given = { ...env, NODE_NAME: randomUUID(), ...own(i, env) }
    const broker = await startBroker(readSettings(given), clocks[i])
    door.route(broker.port)
    nodes.push({ ...broker, port: door.port, door, env: given })
  }
  return {
    nodes,
    env,
    async stop() {
      for (const node of nodes) await node.stop()
      for (const door of doors) await door.close()
    },
  }
}

/** Resolves when the node's /ready says so. */
export async function backplaneIs(node: Node, state: string): Promise<void> {
  for (;;) {
    const answer = (await (await fetch(`http://${node.door.host}/ready`)).json()) as { backplane?: string }
    if (answer.backplane === state) return
  }
}

/** A number of the node's /metrics. */
export async function metric(node: Node, name: string): Promise<number> {
  const text = await (await fetch(`http://${node.door.host}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

/** What the database names itself to its nodes. */
export async function clusterOf(url: string): Promise<string> {
  const db = await openDatabase({ url, max: 1 })
  const id = await brokerStore(db).clusterId()
  await db.close()
  return id
}
