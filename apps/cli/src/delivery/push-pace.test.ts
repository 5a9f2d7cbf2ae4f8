/** A client that takes 30 pushes at once and one in two seconds, and drops the others without a word: it is never given one too many. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { inboxMessage } from '../../test/delivery/inbox-message.ts'
import { createDelivery } from './deliver.ts'
import type { DeliveryPort } from './port.ts'

const UUID = '5b1f8d1e-6f0e-4c39-9d5e-0f4f3c2b1a01'
const MESSAGES = Array.from({ length: 60 }, (_, i) => inboxMessage(i + 1))
/** Of the injected clock, for each look at what waits: far less than the client needs for one push more. */
const LOOK_MS = 50

test('sixty messages, each as soon as the one before was read: none is dropped', async () => {
  const root = mkdtempSync(join(tmpdir(), 'cm-pace-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const socketPath = join(root, 's')
  let clock = 1_000_000
  const client = { tokens: 30, at: clock }
  const server = createServer(socket => {
    let line = ''
    socket.on('data', piece => {
      line += piece
    })
    socket.on('end', () => {
      client.tokens = Math.min(30, client.tokens + (clock - client.at) / 2000)
      client.at = clock
      if (--client.tokens < 0) return all.reject(new Error(`dropped the push behind ${surfaced.length}`))
      const prompt = JSON.parse(line).message.content
      delivery.hook(UUID, { hook_event_name: 'UserPromptSubmit', session_id: UUID, prompt })
      delivery.hook(UUID, { hook_event_name: 'Stop', session_id: UUID })
    })
  })
  await new Promise<void>(resolve => server.listen(socketPath, resolve))
  onTestFinished(() => void server.close())
  mkdirSync(join(root, 'sessions'))
  writeFileSync(
    join(root, 'sessions', `${process.pid}.json`),
    JSON.stringify({ pid: process.pid, sessionId: UUID, messagingSocketPath: socketPath, status: 'idle' }),
  )
  const all = Promise.withResolvers<void>()
  const surfaced: string[] = []
  const port: DeliveryPort = {
    waiting: () => {
      clock += LOOK_MS
      if (surfaced.length < MESSAGES.length) setImmediate(() => delivery.wake(UUID))
      return MESSAGES.slice(surfaced.length, surfaced.length + 1)
    },
    toAnnounce: () => [],
    pushed: () => {},
    unconfirmed: () => {},
    surfaced: (_uuid, ids) => {
      surfaced.push(...ids)
      if (surfaced.length === MESSAGES.length) all.resolve()
    },
    held: () => {},
    log: () => {},
    now: () => clock,
  }
  const delivery = createDelivery(port)
  onTestFinished(() => delivery.stop())
  delivery.opened({ uuid: UUID, claudeConfigDir: root })
  await all.promise
  expect(surfaced).toEqual(MESSAGES.map(({ id }) => id))
})
