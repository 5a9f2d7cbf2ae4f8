/** A client that takes every push and never shows one: nothing is claimed, and the sender hears that the message is held. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { inboxMessage } from '../../test/delivery/inbox-message.ts'
import { createDelivery } from './deliver.ts'
import type { DeliveryPort } from './port.ts'

const UUID = '5b1f8d1e-6f0e-4c39-9d5e-0f4f3c2b1a00'
const MESSAGE = inboxMessage(1)

test('what was handed over five times in vain is held, and each time in words of its own', async () => {
  const root = mkdtempSync(join(tmpdir(), 'cm-vain-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const socketPath = join(root, 's')
  const taken: string[] = []
  let ahead = 0
  const anHourOn = () => {
    ahead += 3_600_000
    delivery.wake(UUID)
  }
  // The client swallows it, and has been idle for long enough an hour later; an hour behind that the rung is tried once more.
  const server = createServer(socket => {
    let line = ''
    socket.on('data', piece => {
      line += piece
    })
    socket.on('end', () => {
      taken.push(JSON.parse(line).message.content)
      anHourOn()
    })
  })
  await new Promise<void>(resolve => server.listen(socketPath, resolve))
  onTestFinished(() => void server.close())
  mkdirSync(join(root, 'sessions'))
  writeFileSync(
    join(root, 'sessions', `${process.pid}.json`),
    JSON.stringify({
      pid: process.pid,
      sessionId: UUID,
      messagingSocketPath: socketPath,
      status: 'idle',
      statusUpdatedAt: 1,
    }),
  )
  const told = Promise.withResolvers<string>()
  const surfaced: string[] = []
  const port: DeliveryPort = {
    waiting: () => [MESSAGE],
    toAnnounce: () => [],
    pushed: () => {
      MESSAGE.state = 'pushed'
    },
    unconfirmed: anHourOn,
    surfaced: (_uuid, ids) => void surfaced.push(...ids),
    held: (_uuid, ids, why) => told.resolve(`${ids} ${why}`),
    log: () => {},
    now: () => Date.now() + ahead,
  }
  const delivery = createDelivery(port)
  onTestFinished(() => delivery.stop())
  delivery.opened({ uuid: UUID, claudeConfigDir: root })
  // Its hooks come, and carry nothing while the socket is there.
  delivery.hook(UUID, { hook_event_name: 'SessionStart', session_id: UUID, source: 'startup' })

  expect(await told.promise).toBe(`${MESSAGE.id} policy`)
  expect(taken).toHaveLength(5)
  expect(new Set(taken).size).toBe(5)
  expect(surfaced).toEqual([])
})
