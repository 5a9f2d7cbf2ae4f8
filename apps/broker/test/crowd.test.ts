/** Whoever comes alone is told of at once, a crowd together: each of it once, to all but the socket it came by. */
import type { BrokerFrameOf } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attached, foundMesh, type TestBroker, testBroker } from './test-broker.ts'
import { TestClock } from './test-clock.ts'
import { newSession } from './test-member.ts'

/** Before a mesh has spent its looks: the first, and eight that are saved up. */
const AT_ONCE = 9
const A_LOOK = 64
const LOOK_MS = 50
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

const hex = ({ certificate }: BrokerFrameOf<'presence'>['entry']) => certificate.session.toHex()
