/** A hundred readers that stop reading and a member that floods: memory stays within the settings, refusals are clear, all others go on, and it ends by itself. */
import { encodeFrame } from '@claudemesh/protocol'
import {
  type BrokerProcess,
  freePort,
  freshDatabase,
  startBrokerProcess,
  stopSharedPostgres,
} from '@claudemesh/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { converse } from './hostile/conversation.ts'
import { residentBytes } from './hostile/resident-memory.ts'
import { type StuckLink, startStuckLink } from './stuck-link.ts'
import { attached, type Founded, foundMesh } from './test-broker.ts'
import { newEnvelope } from './test-envelope.ts'
import { newSession, type TestSession } from './test-member.ts'
import { type Of, TestSocket } from './test-socket.ts'

const MIB = 1 << 20
const READERS = 100
const WINDOW_BYTES = 256 * 1024
/** What a socket's attachments may hold beside their windows, and what the collector has not come to. */
const HELD_BYTES = 256 * 1024
const SLACK_BYTES = 96 * MIB
const LETTERS = 60
const LETTER_BYTES = 64 * 1024
const RATE = 2000
const BURST = 2000
const PATIENCE = { timeout: 20_000 }
const QUIET = 150

let port: number
let broker: BrokerProcess
let link: StuckLink
let founded: Founded
let talk: ReturnType<typeof converse>

beforeAll(async () => {
  const linkPort = await freePort()
  port = await freePort()
  link = await startStuckLink(linkPort, port)
  broker = await startBrokerProcess((await freshDatabase()).url, {
    BROKER_PORT: String(port),
    PUBLIC_HOSTS: `127.0.0.1:${port},127.0.0.1:${linkPort}`,
    WINDOW_BYTES: String(WINDOW_BYTES),
    RATE_ENVELOPES: String(RATE),
    RATE_ENVELOPES_BURST: String(BURST),
    RATE_FRAMES: '0',
    RATE_ADDRESS: '0',
    // Who does not read answers no ping either: it is its reading that is meant here.
    SILENCE_MS: '3600000',
    REDELIVER_MS: '3600000',
  })
  const { challenge, ws } = await TestSocket.open(port)
  ws.close()
  founded = await foundMesh({ port, brokerKey: challenge.brokerKey })
  const one = await attached(port, founded.mesh, await founded.join())
  talk = converse(founded.mesh.id, one, await attached(port, founded.mesh, await founded.join()))
})
afterAll(async () => {
  await broker.close()
  await link.close()
  await stopSharedPostgres()
})

/** A hundredth took longer, ms. */
const p99 = (took: readonly number[]): string =>
  took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)]!.toFixed(1)
/** Figures for docs/reliability.md: no two machines have the same. */
const say = (line: string) => process.stderr.write(`${line}\n`)

test('readers that stop reading hold no more than their windows, and read on where they were', async () => {
  const member = await founded.join()
  const writer = await attached(port, founded.mesh, await founded.join())
  const readers: { socket: TestSocket; session: TestSession }[] = []
  while (readers.length < READERS)
    readers.push(await attached(link.port, founded.mesh, member, Date.now(), newSession(member)))
  const to = readers.map(({ session }) => session.recipient)
  // Their coming is told to all of them: that is not the quiet to compare with.
  await talk.more(QUIET)
  const quiet = await talk.more(QUIET)
  link.stop()
  const before = residentBytes(broker.pid)
  const during = talk.more(QUIET)
  for (let n = 0; n < LETTERS; n++) {
    const letter = { mesh: founded.mesh.id, from: writer.session.recipient, to, size: LETTER_BYTES }
    const { results } = await writer.socket.send([newEnvelope(letter)])
    expect(results[0]!.error).toBeNull()
  }
  const busy = await during
  const grown = residentBytes(broker.pid) - before
  say(`${READERS} readers stopped: p99 ${p99(quiet)} -> ${p99(busy)} ms, +${(grown / MIB).toFixed(0)} MiB`)
  // Garbage of the same size stands beside what is held, until the collector comes round; all of it would be more than both.
  const most = READERS * (WINDOW_BYTES + HELD_BYTES) + SLACK_BYTES
  expect(grown).toBeLessThan(2 * most)
  await expect.poll(() => residentBytes(broker.pid) - before, PATIENCE).toBeLessThan(most)
  expect(READERS * LETTERS * LETTER_BYTES).toBeGreaterThan(2 * most)

  link.go()
  for (const { socket } of readers.slice(0, 3)) {
    const seqs = (await socket.receive(LETTERS)).map(({ seq }) => seq)
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    expect(new Set(seqs).size).toBe(LETTERS)
  }
  await Promise.all(readers.map(({ socket }) => socket.close()))
})

test('a member that floods is told to wait, and nobody else has to', async () => {
  const mallory = await attached(port, founded.mesh, await founded.join())
  const { recipient } = mallory.session
  const envelopes = Array.from({ length: 100 }, () =>
    newEnvelope({ mesh: founded.mesh.id, from: recipient, to: [recipient] }),
  )
  const quiet = await talk.more(QUIET)
  const began = performance.now()
  const during = talk.more(QUIET)
  const FRAMES = 400
  // The same bytes again and again cost the broker what others do.
  const frames = Array.from({ length: FRAMES }, (_, i) =>
    encodeFrame({ type: 'send', ref: 10_000 + i, envelopes }),
  )
  for (const frame of frames) mallory.socket.ws.send(frame)
  let taken = 0
  for (let n = 0; n < FRAMES; n++) {
    const answer = await mallory.socket.take<Of<'accepted'> | Of<'error'>>(
      ({ type }) => type === 'accepted' || type === 'error',
    )
    // More than may wait behind a frame that was too fast.
    if (answer.type === 'error') expect(answer.code).toBe('rate')
    else
      for (const { error } of answer.results) {
        expect([null, 'rate']).toContain(error)
        if (error === null) taken++
      }
  }
  const seconds = (performance.now() - began) / 1000
  const busy = await during
  say(
    `flood of ${FRAMES * 100}: p99 ${p99(quiet)} -> ${p99(busy)} ms, ${taken} taken in ${seconds.toFixed(1)} s`,
  )
  expect(taken).toBeGreaterThanOrEqual(BURST - 100)
  expect(taken).toBeLessThanOrEqual(BURST + RATE * (seconds + 1))
  // Who waited is served again.
  let { results } = await mallory.socket.send([envelopes[0]!])
  while (results[0]!.error === 'rate') ({ results } = await mallory.socket.send([envelopes[0]!]))
  expect(results[0]!.error).toBeNull()
  say(`behind it: p99 ${p99(await talk.more(QUIET))} ms`)
  for (const { sent, heard } of await talk.end()) expect(heard).toEqual(sent)
})
