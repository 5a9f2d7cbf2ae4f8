/** Who says to be somebody else, on a broker process of its own: refused by name, and whom it claimed to be goes on talking. */
import { generateSigner } from '@claudemesh/crypto'
import { type ClientFrame, equalBytes } from '@claudemesh/protocol'
import {
  type BrokerProcess,
  freshDatabase,
  startBrokerProcess,
  stopSharedPostgres,
} from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attached, type Founded, foundMesh, greeted } from '../test-broker.ts'
import { newMember, newSession } from '../test-member.ts'
import { type Frame, TestSocket } from '../test-socket.ts'
import { converse } from './conversation.ts'

let broker: BrokerProcess
let port = 0
let founded: Founded
beforeAll(async () => {
  broker = await startBrokerProcess((await freshDatabase()).url, {
    RATE_FRAMES: '0',
    RATE_ADDRESS: '0',
    LOG_LEVEL: 'warn',
  })
  port = Number(new URL(broker.url).port)
  const { challenge, ws } = await TestSocket.open(port)
  ws.close()
  founded = await foundMesh({ port, brokerKey: challenge.brokerKey })
})
afterAll(async () => {
  await broker.close()
  await stopSharedPostgres()
})

const codeOf = (frame: Frame) => ('code' in frame ? frame.code : frame.type)

test('hellos and attaches replayed, keys, certificates and UUIDs borrowed: nobody gets another’s seat or mail', async () => {
  const { mesh, join } = founded
  const alice = await attached(port, mesh, await join())
  const bob = await attached(port, mesh, await join())
  const member = await join()
  const helloOfAlice = alice.socket.helloFrame(alice.session.member.signer, mesh.id)
  const attachOfAlice = alice.socket.attachFrame(mesh, alice.session)
  const talk = converse(mesh.id, alice, bob)
  const mallory = await greeted(port, mesh, member)

  for (let i = 0; i < 20; i++) {
    const thief = await TestSocket.open(port)
    expect(await thief.ask(helloOfAlice)).toMatchObject({ code: 'unauthenticated', field: 'signature' })
    const { reason } = await thief.closed
    expect(reason).toBe('hello refused')
    // Her words about herself, in another's mouth, whole and in parts.
    const own = mallory.attachFrame(mesh, newSession(member))
    const seat = { member: member.signer.publicKey, session: alice.session.signer.publicKey }
    const claims: [Partial<typeof own>, string][] = [
      [attachOfAlice, 'forbidden'],
      [{ ...attachOfAlice, recipient: seat }, 'forbidden'],
      [{ recipient: seat }, 'forbidden'],
      [{ certificate: attachOfAlice.certificate }, 'forbidden'],
      [{ prekey: attachOfAlice.prekey }, 'forbidden'],
      [{ presence: attachOfAlice.presence }, 'forbidden'],
      [{ signature: attachOfAlice.signature }, 'bad-signature'],
    ]
    for (const [claim, code] of claims) expect(codeOf(await mallory.ask({ ...own, ...claim }))).toBe(code)
    for (const frame of [
      { type: 'detach', recipient: alice.session.recipient },
      { type: 'presence', record: attachOfAlice.presence! },
      { type: 'prekeys.put', prekey: attachOfAlice.prekey },
    ] satisfies ClientFrame[])
      expect(codeOf(await mallory.ask(frame))).toMatch(/^(not-attached|forbidden)$/)
    expect(codeOf(await mallory.ack(alice.session.recipient, alice.attachment, 1))).toBe('not-attached')
  }
  // Another's UUID is anybody's to name: it is no seat.
  const twin = { ...newSession(member), uuid: alice.session.uuid }
  await mallory.attach(mesh, twin)
  // A stranger with keys of its own, and a member's key with another's signature.
  for (const signer of [
    newMember().signer,
    { ...generateSigner(), publicKey: alice.session.member.signer.publicKey },
  ])
    expect(codeOf(await (await TestSocket.open(port)).hello(signer, mesh.id))).toBe('unauthenticated')

  for (const { sent, heard } of await talk.end()) {
    expect(heard).toEqual(sent)
    expect(sent.length).toBeGreaterThan(5)
  }
  expect([...alice.socket.unasked('replaced'), ...bob.socket.unasked('replaced')]).toEqual([])
  expect(mallory.unasked('deliver')).toEqual([])
  const entries = (await bob.socket.ask({ type: 'directory', cursor: null })) as Extract<
    Frame,
    { type: 'directory' }
  >
  const named = entries.entries.filter(({ certificate }) => certificate.uuid === alice.session.uuid)
  expect(named).toHaveLength(2)
  const hers = named.find(({ certificate }) =>
    equalBytes(certificate.session, alice.session.signer.publicKey),
  )!
  expect(hers.lease).toBe('online')
})
