/** The database cuts the broker's connections: answers tell the truth, and mail flows again by itself. */
import { openDatabase } from '@claudemesh/db'
import { stopSharedPostgres } from '@claudemesh/testkit'
import { afterAll, expect, test } from 'vitest'
import { attached, foundMesh, testBroker } from './test-broker.ts'
import { newEnvelope } from './test-envelope.ts'

afterAll(stopSharedPostgres)

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('connections cut in the middle of a run: what was accepted in the end is delivered, in order', async () => {
  const broker = await testBroker({ REDELIVER_MS: '200', LOG_LEVEL: 'silent' })
  const founded = await foundMesh(broker)
  const alice = await attached(broker.port, founded.mesh, await founded.join())
  const bob = await attached(broker.port, founded.mesh, await founded.join())
  const admin = await openDatabase({ url: broker.databaseUrl, max: 1, applicationName: 'the-test' })
  const newest = () =>
    newEnvelope({ mesh: founded.mesh.id, from: alice.session.recipient, to: [bob.session.recipient] })

  const got = new Set<string>()
  let heard = () => {}
  const reading = (async () => {
    for (;;) {
      const { recipient, attachment, deliveries } = await bob.socket.next('deliver')
      for (const { envelope } of deliveries) got.add(hex(envelope.header.id))
      heard()
      await bob.socket.ack(recipient, attachment, deliveries.at(-1)!.seq)
    }
  })().catch(() => {})
  const accepted: string[] = []
  let cut = 0
  for (let round = 0; round < 40; round++) {
    const pending = [newest(), newest(), newest()]
    const answer = alice.socket.send(pending)
    if (round % 5 === 2)
      cut += (
        await admin.sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'claudemesh-broker' and datname = current_database()`
      ).length
    let { results } = await answer
    // As an outbox does: the same id again, until it is answered.
    while (results.some(result => result.error === 'unavailable'))
      ({ results } = await alice.socket.send(pending))
    for (const result of results) {
      expect(result.error).toBeNull()
      accepted.push(hex(result.id))
    }
  }
  while (accepted.some(id => !got.has(id))) await new Promise<void>(resolve => (heard = resolve))
  expect([...got]).toEqual(accepted)
  expect(cut).toBeGreaterThanOrEqual(8)
  await admin.close()
  await bob.socket.close()
  await reading
  await broker.stop()
})
