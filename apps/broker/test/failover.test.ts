/** The primary of the broker's Postgres is lost under traffic and its standby takes over: what was accepted is there, in order, once. */
import { openCheckpoint, TreeFrontier } from '@claudemesh/crypto'
import type { AcceptedResult } from '@claudemesh/protocol'
import { startReplicatedPostgres } from '@claudemesh/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { readSettings, startBroker } from '../src/index.ts'
import { attached, foundMesh, greeted, testEnv } from './test-broker.ts'
import { newEnvelope } from './test-envelope.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const ROUNDS = 20

test('a standby that has every commit takes over: nothing accepted is lost, and what it cannot take yet is unavailable', async () => {
  const postgres = await startReplicatedPostgres()
  onTestFinished(() => postgres.close())
  const broker = await startBroker(
    readSettings(testEnv(postgres.url, { REDELIVER_MS: '200', CHECKPOINT_MS: '100', LOG_LEVEL: 'silent' })),
  )
  onTestFinished(() => broker.stop())
  const { mesh, join } = await foundMesh(broker)
  const alice = await attached(broker.port, mesh, await join())
  const bob = await attached(broker.port, mesh, await join())
  const newest = () =>
    newEnvelope({ mesh: mesh.id, from: alice.session.recipient, to: [bob.session.recipient] })

  const got: string[] = []
  let heard = () => {}
  const reading = (async () => {
    for (;;) {
      const { recipient, attachment, deliveries } = await bob.socket.next('deliver')
      for (const { envelope } of deliveries) {
        const id = hex(envelope.header.id)
        if (!got.includes(id)) got.push(id)
      }
      heard()
      await bob.socket.ack(recipient, attachment, deliveries.at(-1)!.seq)
    }
  })().catch(() => {})

  const accepted: string[] = []
  const unanswered = (results: readonly AcceptedResult[]) => results.some(({ error }) => error !== null)
  /** As an outbox does: the same bytes again, until they are answered. */
  const untilAccepted = async (envelopes: ReturnType<typeof newest>[]) => {
    let { results } = await alice.socket.send(envelopes)
    while (unanswered(results)) {
      for (const { error } of results) expect([null, 'unavailable']).toContain(error)
      ;({ results } = await alice.socket.send(envelopes))
    }
    accepted.push(...results.map(({ id }) => hex(id)))
  }
  const traffic = async () => {
    for (let round = 0; round < ROUNDS; round++) await untilAccepted([newest(), newest(), newest()])
  }

  await traffic()
  // One is on its way when the primary goes: whatever it is told is true.
  const onItsWay = [newest(), newest(), newest()]
  const answer = alice.socket.send(onItsWay)
  postgres.leadToStandby()
  await postgres.losePrimary()
  const { results } = await answer
  const settled = onItsWay.filter((_, i) => results[i]!.error === null)
  accepted.push(...settled.map(({ header }) => hex(header.id)))
  // The first try may meet the connection that broke; the second meets a server that only reads.
  const early = [newest()]
  for (let tries = 0; tries < 3; tries++)
    expect((await alice.socket.send(early)).results[0]!.error).toBe('unavailable')
  await postgres.promote()
  if (settled.length < onItsWay.length)
    await untilAccepted(onItsWay.filter(envelope => !settled.includes(envelope)))
  await untilAccepted(early)
  await traffic()

  while (got.length < accepted.length) await new Promise<void>(resolve => (heard = resolve))
  expect(got).toEqual(accepted)

  // The log goes on where it was: what the broker signs last is the root of all its leaves.
  const signed = async () =>
    openCheckpoint((await bob.socket.next('checkpoint')).note, { mesh: mesh.id, keys: [broker.brokerKey] })
  let head = await signed()
  while (head.size < accepted.length) head = await signed()
  const owner = await greeted(broker.port, mesh, mesh.owner)
  const tree = new TreeFrontier()
  while (tree.size < head.size) {
    const page = await owner.ask({ type: 'audit.get', from: tree.size, size: head.size })
    if (page.type !== 'audit') throw new Error(JSON.stringify(page))
    for (const { hash } of page.leaves) tree.push(hash)
  }
  expect(tree.root()).toEqual(head.root)
  for (const one of [alice, bob]) await one.socket.close()
  await reading
})
