/** Who may bring entries back to a broker, and on whose word. */
import { generateSigner, rosterEntryHash, signCheckpoint } from '@claudemesh/crypto'
import { fromBase64url, type RosterEntry } from '@claudemesh/protocol'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { append, type Founded, foundMesh, greeted, type TestBroker, testBroker } from './test-broker.ts'
import { newInvite, newJoin, newMember, type TestInvite, type TestMember } from './test-member.ts'
import { TestSocket } from './test-socket.ts'

const HOUR = 3_600_000

let broker: TestBroker
let hand = Date.now()
beforeAll(async () => {
  broker = await testBroker(
    {},
    {
      now: () => hand,
      elapsed: () => 0,
      every: () => () => {},
      after: () => () => {},
    },
  )
})
afterAll(async () => {
  await broker.stop()
  await stopSharedPostgres()
})

const answer = async (socket: TestSocket, entries: RosterEntry[], checkpoint: string | null = null) => {
  const said = await socket.ask({ type: 'roster.restore', entries, checkpoint })
  return said.type === 'error' ? said.code : said.type
}

/** A mesh with a plain member, and an invite that expired an hour ago but not when its chain was last written. */
async function scene() {
  const founded = await foundMesh(broker, hand)
  const plain = await founded.join()
  const { mesh, socket: owner } = founded
  const invite = newInvite(mesh, hand)
  await append(owner, mesh, invite.entry)
  const wroteAt = hand
  hand += 25 * HOUR
  const socket = await greeted(broker.port, mesh, plain)
  return { founded, mesh, owner, plain, socket, invite, wroteAt }
}
const backdated = ({ mesh }: Founded, invite: TestInvite, at: number, who: TestMember = newMember()) =>
  newJoin(mesh, invite, who, at)

test('a member without the broker’s own signature brings back nothing, an invite neither, an owner what is sound', async () => {
  const { founded, mesh, owner, socket, invite, wroteAt } = await scene()
  const entry = backdated(founded, invite, wroteAt + 1)
  expect(await answer(socket, [entry])).toBe('forbidden')
  const guest = await TestSocket.open(broker.port)
  const open = newInvite(mesh, hand)
  await append(owner, mesh, open.entry)
  await guest.helloInvite(open.code, open.key)
  expect(await answer(guest, [entry])).toBe('forbidden')
  // Time does not go back in the chain, for owners neither.
  expect(await answer(owner, [backdated(founded, invite, wroteAt + 1)])).toBe('integrity')
  const ahead = backdated(founded, open, hand + 10 * 60_000)
  expect(await answer(owner, [ahead])).toBe('clock')
  const old = backdated(founded, open, hand + 1)
  hand += HOUR
  expect((await owner.ask({ type: 'roster.append', entry: old, copies: null })).type).toBe('error')
  expect(await answer(owner, [old])).toBe('appended')
})

test('a member with it brings back exactly what it signed, and nothing before that or beside it', async () => {
  const { founded, mesh, socket, invite, wroteAt } = await scene()
  const lost = backdated(founded, invite, wroteAt + 1)
  const signed = (entry: RosterEntry, key = ownKey()) =>
    signCheckpoint(
      {
        mesh: mesh.id,
        size: 9,
        root: new Uint8Array(32),
        rosterSeq: entry.seq,
        rosterHead: rosterEntryHash(entry),
      },
      key,
    )
  const other = backdated(founded, invite, wroteAt + 2)
  expect(await answer(socket, [lost], signed(lost, generateSigner()))).toBe('bad-signature')
  expect(await answer(socket, [other], signed(lost))).toBe('forbidden')
  expect(await answer(socket, [other, lost], signed(lost))).toBe('integrity')
  expect(await answer(socket, [lost], 'a note')).toBe('bad-field')
  const before = await socket.ask({ type: 'roster.get', from: 0 })
  expect(before).toMatchObject({ headSeq: lost.seq - 1 })
  expect(await answer(socket, [lost], signed(lost))).toBe('appended')
  expect(await answer(socket, [lost], signed(lost))).toBe('stale-head')
})

const ownKey = () => generateSigner(fromBase64url(broker.env.BROKER_KEY!)!)
