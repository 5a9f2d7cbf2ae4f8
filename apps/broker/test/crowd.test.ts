/** Whoever comes alone is told of at once, a crowd together: each of it once, to all but the socket it came by. */
import { signPresence } from '@claudemesh/crypto'
import { openDatabase } from '@claudemesh/db'
import type { BrokerFrameOf } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { attached, foundMesh, greeted, type TestBroker, testBroker } from './test-broker.ts'
import { TestClock } from './test-clock.ts'
import { newSession, presenceOf } from './test-member.ts'

/** Before a mesh has spent its looks: the first, and eight that are saved up. */
const AT_ONCE = 9
const A_LOOK = 64
const LOOK_MS = 50
const RETRY_MS = 1000
const CROWD = A_LOOK + 6

const clock = new TestClock()
let broker: TestBroker
beforeAll(async () => {
  broker = await testBroker({}, clock)
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})

test('the first are told of at once, a crowd behind them together as time passes, each once', async () => {
  const founded = await foundMesh(broker, clock.now())
  const alice = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
  const bob = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
  const told = async () => hex((await alice.socket.next('presence')).entry)
  const come = async () => {
    const session = newSession(bob.session.member, clock.now())
    await bob.socket.attach(founded.mesh, session, clock.now())
    return session.signer.publicKey.toHex()
  }
  expect(await told()).toBe(bob.session.signer.publicKey.toHex())
  for (let looks = 2; looks < AT_ONCE; looks++) {
    const session = await come()
    expect(await told()).toBe(session)
  }

  const crowd: string[] = []
  while (crowd.length < CROWD) crowd.push(await come())
  const round = async (size: number) => {
    await alice.socket.ask({ type: 'ping', time: 0 })
    expect(alice.socket.unasked('presence')).toEqual([])
    clock.turn(LOOK_MS)
    return Promise.all(Array.from({ length: size }, told))
  }
  const heard = [...(await round(A_LOOK)), ...(await round(CROWD - A_LOOK))]
  expect(heard.toSorted()).toEqual(crowd.toSorted())

  await alice.socket.ask({ type: 'ping', time: 0 })
  await bob.socket.ask({ type: 'ping', time: 0 })
  expect(alice.socket.unasked('presence')).toEqual([])
  expect(bob.socket.unasked('presence').filter(({ entry }) => crowd.includes(hex(entry)))).toEqual([])
})

test('a crowd whose sockets all end and who come back at once is online, every one of it', async () => {
  const founded = await foundMesh(broker, clock.now())
  const member = await founded.join()
  const daemons = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const { socket, session } = await attached(broker.port, founded.mesh, member, clock.now())
      const sessions = [session, newSession(member, clock.now()), newSession(member, clock.now())]
      for (const more of sessions.slice(1)) await socket.attach(founded.mesh, more, clock.now())
      return { socket, sessions }
    }),
  )
  for (const { socket } of daemons) socket.ws.close()
  await Promise.all(
    daemons.map(async ({ sessions }) => {
      const socket = await greeted(broker.port, founded.mesh, member)
      for (const session of sessions) await socket.attach(founded.mesh, session, clock.now())
    }),
  )
  // Those that ended are told to the database in their order, and these two behind them.
  const last = await attached(broker.port, founded.mesh, member, clock.now())
  const other = await attached(broker.port, founded.mesh, member, clock.now())
  for (const { socket, session } of [last, other])
    expect(await socket.ask({ type: 'detach', recipient: session.recipient })).toMatchObject({ type: 'ok' })
  const page = await last.socket.ask({ type: 'directory', cursor: null })
  const gone = [last, other].map(({ session }) => session.signer.publicKey.toHex())
  const leases = Object.groupBy(page.type === 'directory' ? page.entries : [], ({ lease }) => lease)
  expect(leases.online?.map(hex).toSorted()).toEqual(
    daemons.flatMap(({ sessions }) => sessions.map(one => one.signer.publicKey.toHex())).toSorted(),
  )
  expect(leases.away?.map(hex).toSorted()).toEqual(gone.toSorted())
})

test('who could not be looked up is told of once the database answers again', async () => {
  const founded = await foundMesh(broker, clock.now())
  const alice = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
  const bob = await attached(broker.port, founded.mesh, await founded.join(), clock.now())
  await alice.socket.next('presence')
  const db = await openDatabase({ url: broker.databaseUrl, max: 1 })
  onTestFinished(() => db.close())
  await db.sql`revoke execute on function ${db.fn}.ms(timestamptz) from public`
  const { signature: _, ...unsigned } = presenceOf(founded.mesh, bob.session, clock.now() + 1)
  const record = signPresence({ ...unsigned, status: 'waiting' }, bob.session.signer)
  expect(await bob.socket.ask({ type: 'presence', record })).toMatchObject({ type: 'ok' })
  await expect.poll(() => clock.rings(RETRY_MS), { timeout: 20_000 }).toBe(true)
  expect(alice.socket.unasked('presence')).toEqual([])
  await db.sql`grant execute on function ${db.fn}.ms(timestamptz) to public`
  clock.turn(RETRY_MS)
  expect((await alice.socket.next('presence')).entry.presence).toMatchObject({ status: 'waiting' })
})

const hex = ({ certificate }: BrokerFrameOf<'presence'>['entry']) => certificate.session.toHex()
