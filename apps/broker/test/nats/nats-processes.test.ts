/** Three broker processes behind one address: nodes die, NATS dies, all are replaced one by one, and no send fails. */
import {
  type Balancer,
  type BrokerProcess,
  NATS_SERVER,
  type NatsServer,
  startBrokerProcess,
  startNats,
  stopSharedPostgres,
} from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { foundMesh } from '../test-broker.ts'
import { TestSocket } from '../test-socket.ts'
import { openDoors } from './nodes.ts'
import { startTraffic } from './traffic.ts'

let nats: NatsServer | undefined
let door: Balancer
const nodes: BrokerProcess[] = []

beforeAll(async () => {
  if (NATS_SERVER === null) return
  nats = await startNats()
  const { doors, env } = await openDoors(1, { NATS_URL: nats.url, LOOK_MS: '200' })
  door = doors[0]!
  const { DATABASE_URL, BROKER_PORT: _, ...settings } = env
  nodes.push(
    ...(await Promise.all(
      ['one', 'two', 'three'].map(NODE_NAME => startBrokerProcess(DATABASE_URL!, { ...settings, NODE_NAME })),
    )),
  )
  door.route(...nodes.map(node => Number(new URL(node.url).port)))
})
afterAll(async () => {
  await Promise.all(nodes.map(node => node.close()))
  await door?.close()
  await nats?.kill()
  await stopSharedPostgres()
})

test.skipIf(NATS_SERVER === null)(
  'by a real nats-server: a node killed, NATS killed, every node restarted: nothing lost, twice or out of order, no send failed',
  async () => {
    const { challenge, ws } = await TestSocket.open(door.port)
    ws.close()
    const founded = await foundMesh({ port: door.port, brokerKey: challenge.brokerKey })
    const traffic = await startTraffic(door.port, founded, { pairs: 4, batch: 3 })
    await traffic.more(30)
    await nodes[0]!.end('SIGKILL')
    await traffic.more(30)
    await nodes[0]!.start()
    await nats!.kill()
    await traffic.more(30)
    await nats!.start()
    for (const node of nodes) {
      await node.end('SIGTERM')
      await traffic.more(15)
      await node.start()
    }
    await traffic.more(15)
    const outcome = await traffic.finish()
    expect(outcome).toMatchObject({ lost: 0, twice: 0, disordered: 0, failed: [] })
    expect(outcome.accepted).toBeGreaterThanOrEqual(4 * 150)
  },
  180_000,
)
