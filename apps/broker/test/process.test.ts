/** The broker as a process: what it said before it ended, well or badly, is still true when it starts again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CLOSE, type DeliverFrame, encodeFrame } from '@claudemesh/protocol'
import { freshDatabase, stopSharedPostgres } from '@claudemesh/testkit'
import type { Subprocess } from 'bun'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { attached, foundMesh, testEnv } from './test-broker.ts'
import { newEnvelope } from './test-envelope.ts'
import { TestSocket } from './test-socket.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname
let folder = ''
let env: Record<string, string> = {}
const running = new Set<Subprocess>()

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'broker-process-'))
  const { url } = await freshDatabase()
  const { BROKER_KEY: _, ...rest } = testEnv(url, {
    BROKER_KEY_FILE: join(folder, 'broker.key'),
    BROKER_PORT: String(await freePort()),
    LOG_LEVEL: 'info',
  })
  env = rest
})
afterEach(async () => {
  for (const child of running) {
    child.kill('SIGKILL')
    await child.exited
  }
  running.clear()
  rmSync(folder, { recursive: true })
})

afterAll(stopSharedPostgres)

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

interface Started {
  readonly child: Subprocess<'ignore', 'pipe', 'pipe'>
  readonly port: number
  readonly brokerKey: Uint8Array
  readonly log: string[]
}

/** Starts main.ts and waits for the line that says it is up. */
async function start(): Promise<Started> {
  const child = Bun.spawn([process.execPath, MAIN], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const log: string[] = []
  const up = Promise.withResolvers<void>()
  void (async () => {
    let rest = ''
    for await (const chunk of child.stdout) {
      rest += new TextDecoder().decode(chunk)
      const lines = rest.split('\n')
      rest = lines.pop()!
      log.push(...lines)
      if (log.some(line => line.includes('broker.started'))) up.resolve()
    }
    up.reject(new Error(`ended: ${log.join('\n')} ${await new Response(child.stderr).text()}`))
  })()
  await up.promise
  const port = Number(env.BROKER_PORT)
  const { challenge, ws } = await TestSocket.open(port)
  ws.close()
  return { child, port, brokerKey: challenge.brokerKey, log }
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('SIGTERM: draining, what was taken is committed, close 1001, exit 0 under 10 s, and all is there at the next start', async () => {
  const first = await start()
  const founded = await foundMesh(first)
  const alice = await attached(first.port, founded.mesh, await founded.join())
  const bob = await attached(first.port, founded.mesh, await founded.join())
  await bob.socket.close()
  const one = () =>
    newEnvelope({ mesh: founded.mesh.id, from: alice.session.recipient, to: [bob.session.recipient] })
  for (let ref = 1000; ref < 1040; ref++)
    alice.socket.ws.send(encodeFrame({ type: 'send', ref, envelopes: Array.from({ length: 25 }, one) }))
  const earliest = await alice.socket.next('accepted')
  const began = Date.now()
  first.child.kill('SIGTERM')
  await alice.socket.next('draining')
  expect((await alice.socket.closed).code).toBe(CLOSE.goingAway.code)
  expect(await first.child.exited).toBe(0)
  expect(Date.now() - began).toBeLessThan(10_000)
  // What has no answer was not taken: the outbox sends it again.
  const results = [earliest, ...alice.socket.unasked('accepted')].flatMap(frame => frame.results)
  const accepted = results.filter(result => result.error === null)
  expect(accepted.length).toBeGreaterThanOrEqual(25)
  expect(results.every(result => result.error === null || result.error === 'draining')).toBe(true)

  const second = await start()
  expect(hex(second.brokerKey)).toBe(hex(first.brokerKey))
  const back = await attached(second.port, founded.mesh, bob.session.member, Date.now(), bob.session)
  const got = await back.socket.receive(accepted.length)
  expect(got.map(d => d.seq)).toEqual(accepted.map(result => result.seq))
  expect(back.socket.unasked('deliver')).toEqual([])
  expect(second.log.join('\n')).not.toContain(env.DATABASE_URL)
})

test('a second signal ends it at once', async () => {
  const { child } = await start()
  child.kill('SIGTERM')
  child.kill('SIGINT')
  expect([0, 1]).toContain(await child.exited)
})

test('kill -9 in the middle of a run: nothing accepted is lost, nothing out of order', async () => {
  let broker = await start()
  const founded = await foundMesh(broker)
  const alice = await attached(broker.port, founded.mesh, await founded.join())
  const bob = await attached(broker.port, founded.mesh, await founded.join())
  const acceptedIds: string[] = []
  const got: { seq: number; id: string }[] = []
  const take = ({ deliveries }: DeliverFrame) => {
    for (const { seq, envelope } of deliveries)
      if (seq > (got.at(-1)?.seq ?? 0)) got.push({ seq, id: hex(envelope.header.id) })
  }
  const newest = () =>
    newEnvelope({ mesh: founded.mesh.id, from: alice.session.recipient, to: [bob.session.recipient] })

  for (let round = 0; round < 4; round++) {
    const sender =
      round === 0
        ? alice
        : await attached(broker.port, founded.mesh, alice.session.member, Date.now(), alice.session)
    const receiver =
      round === 0
        ? bob
        : await attached(broker.port, founded.mesh, bob.session.member, Date.now(), bob.session)
    const reading = (async () => {
      for (;;) {
        const frame = await receiver.socket.next('deliver')
        take(frame)
        const { recipient, attachment, deliveries } = frame
        receiver.socket.ws.send(
          encodeFrame({
            type: 'ack',
            ref: 0,
            acks: [{ recipient, attachment, upTo: deliveries.at(-1)!.seq }],
          }),
        )
      }
    })().catch(() => {})
    const writing = (async () => {
      for (;;) {
        const { results } = await sender.socket.send(Array.from({ length: 10 }, newest))
        for (const result of results) if (result.error === null) acceptedIds.push(hex(result.id))
      }
    })().catch(() => {})
    const enough = acceptedIds.length + 200 + round * 50
    while (acceptedIds.length < enough) await new Promise(resolve => setImmediate(resolve))
    broker.child.kill('SIGKILL')
    await Promise.all([reading, writing, broker.child.exited])
    broker = await start()
  }
  const last = await attached(broker.port, founded.mesh, bob.session.member, Date.now(), bob.session)
  const missing = () => {
    const have = new Set(got.map(({ id }) => id))
    return acceptedIds.filter(id => !have.has(id))
  }
  while (missing().length > 0) {
    const frame = await last.socket.next('deliver')
    take(frame)
    await last.socket.ack(frame.recipient, frame.attachment, frame.deliveries.at(-1)!.seq)
  }
  const places = new Map(got.map(({ id }, i) => [id, i]))
  const order = acceptedIds.map(id => places.get(id)!)
  expect(order).toEqual(order.toSorted((a, b) => a - b))
  expect(new Set(got.map(({ id }) => id))).toHaveLength(got.length)
}, 60_000)

test('without DATABASE_URL, with a taken port, or with no database it says one clear line and exits by the table', async () => {
  const run = async (more: Record<string, string>) => {
    const child = Bun.spawn([process.execPath, MAIN], {
      env: { PATH: process.env.PATH, ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return { exit: await child.exited, said: await new Response(child.stderr).text() }
  }
  const without = await run({ DATABASE_URL: '' })
  expect(without.exit).toBe(2)
  expect(without.said).toMatch(/^DATABASE_URL is not set.*\n$/)
  const nobody = await run({ DATABASE_URL: `postgres://someone:secret@127.0.0.1:${await freePort()}/mesh` })
  expect(nobody.exit).toBe(3)
  expect(nobody.said.trim().split('\n')).toHaveLength(1)
  expect(nobody.said).not.toContain('secret')
  await start()
  const taken = await run({ NODE_NAME: 'other' })
  expect(taken.exit).toBe(6)
  expect(taken.said).toMatch(/^Port \d+ on 127.0.0.1 is taken/)
})
