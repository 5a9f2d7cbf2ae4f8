import { type Database, openDatabase } from '@claudemesh/db'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attached, foundMesh, type TestBroker, testBroker } from './test-broker.ts'
import { TestClock } from './test-clock.ts'
import { newEnvelope } from './test-envelope.ts'

const ROWS = 10_000
const BYTES = 32 << 20
const BODY_BYTES = 256 << 10
const clock = new TestClock()
let broker: TestBroker
beforeAll(async () => {
  broker = await testBroker({}, clock)
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})

/** Of all passes over the queue only those that a client asks for are counted here; autovacuum's are not. */
async function passes(db: Database): Promise<number> {
  const [row] = await db.sql<{ n: number }[]>`
    select vacuum_count::int as n from pg_stat_all_tables where relid = 'mesh.delivery'::regclass`
  return row!.n
}

/** Sender and recipient in a mesh of their own. */
async function twoSessions() {
  const { mesh, join } = await foundMesh(broker, clock.now())
  const [alice, bob] = [
    await attached(broker.port, mesh, await join(), clock.now()),
    await attached(broker.port, mesh, await join(), clock.now()),
  ]
  const envelope = (size = 512) =>
    newEnvelope({
      mesh: mesh.id,
      from: alice.session.recipient,
      to: [bob.session.recipient],
      now: clock.now(),
      size,
    })
  return { alice, bob, envelope }
}

test('a broker that saw thousands of rows acked vacuums the queue by itself, as the role it works as', async () => {
  const { alice, bob, envelope } = await twoSessions()
  const db = await openDatabase({ url: broker.databaseUrl, max: 1 })
  // As if another node had numbered what stands before the next envelope.
  await db.sql`update mesh.mesh_head set seq = seq + ${ROWS}, queued = queued + ${ROWS}`
  await alice.socket.send([envelope()])
  const { deliveries, recipient, attachment } = await bob.socket.next('deliver')
  const { seq } = deliveries[0]!
  await db.sql`insert into mesh.delivery (recipient_id, seq, expires_at, mesh_id, shared)
    select d.recipient_id, d.seq - n, d.expires_at, d.mesh_id, false from mesh.delivery d, generate_series(1, ${ROWS}) n`
  await bob.socket.ack(recipient, attachment, seq)
  const before = await passes(db)
  clock.turn(1000)
  await expect.poll(() => passes(db), { timeout: 20_000 }).toBe(before + 1)
  await db.close()
})

test('so does one that saw few, but large ones', async () => {
  const { alice, bob, envelope } = await twoSessions()
  const db = await openDatabase({ url: broker.databaseUrl, max: 1 })
  const before = await passes(db)
  const count = BYTES / BODY_BYTES
  const received = bob.socket.receive(count)
  for (let n = 0; n < count; n++) await alice.socket.send([envelope(BODY_BYTES)])
  await received
  clock.turn(1000)
  await expect.poll(() => passes(db), { timeout: 20_000 }).toBe(before + 1)
  await db.close()
})
