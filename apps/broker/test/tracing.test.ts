/** Spans for a collector: what of a message they tell, what they never tell, and that a collector costs the broker nothing. */
import { createServer, type Socket } from 'node:net'
import { toBase64url } from '@claudemesh/protocol'
import {
  type BrokerProcess,
  freePort,
  freshDatabase,
  startBrokerProcess,
  stopSharedPostgres,
} from '@claudemesh/testkit'
import { afterAll, afterEach, expect, test } from 'vitest'
import { type Collector, type GivenSpan, startCollector } from './collector.ts'
import { attached, foundMesh } from './test-broker.ts'
import { newEnvelope } from './test-envelope.ts'
import { newMember } from './test-member.ts'
import { TestSocket } from './test-socket.ts'

const MAIN = new URL('../src/main.ts', import.meta.url).pathname
const LIMITS = { RATE_ENVELOPES: '0', RATE_FRAMES: '0', RATE_ADDRESS: '0' }

let broker: BrokerProcess
const collectors: Collector[] = []
afterEach(async () => {
  await broker?.close()
  for (const collector of collectors.splice(0)) await collector.close()
})
afterAll(stopSharedPostgres)

async function startBroker(settings: Record<string, string>) {
  broker = await startBrokerProcess((await freshDatabase()).url, { ...LIMITS, ...settings })
  const port = Number(new URL(broker.url).port)
  const { challenge, ws } = await TestSocket.open(port)
  ws.close()
  const founded = await foundMesh({ port, brokerKey: challenge.brokerKey })
  const alice = await attached(port, founded.mesh, await founded.join())
  const bob = await attached(port, founded.mesh, await founded.join())
  const envelope = (now = Date.now()) =>
    newEnvelope({ mesh: founded.mesh.id, from: alice.session.recipient, to: [bob.session.recipient], now })
  return { port, founded, alice, bob, envelope }
}
const collector = (port?: number) => {
  const one = startCollector(port)
  collectors.push(one)
  return one
}
const lines = (event: string) =>
  broker
    .log()
    .split('\n')
    .filter(line => line.startsWith('{') && line.includes(`"msg":"${event}"`))
    .map(line => JSON.parse(line) as Record<string, unknown>)

test('a message is one trace from its frame over its commit to its push; requests and handshakes are told, who and what never', async () => {
  const at = collector()
  const { port, founded, alice, bob, envelope } = await startBroker({
    OTEL_EXPORTER_OTLP_ENDPOINT: at.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=ours',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    OTEL_BSP_SCHEDULE_DELAY: '10',
    NODE_NAME: 'node-one',
    LOG_LEVEL: 'debug',
  })
  // Once bob's queue was read and is empty, what comes goes out behind its commit.
  await alice.socket.send([envelope()])
  await bob.socket.receive(1)
  const one = envelope()
  const { results } = await alice.socket.send([one, envelope(Date.now() - 7 * 86_400_000)])
  expect(results.map(({ error }) => error)).toEqual([null, 'id-time'])
  await bob.socket.receive(1)
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  await fetch(`${broker.url}/ready`, { headers: { traceparent } })
  await fetch(`${broker.url}/secret-in-a-path`)
  const stranger = await TestSocket.open(port)
  const { signer } = newMember()
  expect(await stranger.hello(signer, founded.mesh.id)).toMatchObject({ code: 'unauthenticated' })
  const named = (name: string, facts: GivenSpan['facts'] = {}) =>
    at.spans.filter(
      span => span.name === name && Object.entries(facts).every(([key, value]) => span.facts[key] === value),
    )
  const refused = { as: 'member', 'error.type': 'unauthenticated' }
  const childOf = (parent: GivenSpan | undefined, name: string) =>
    named(name).find(({ parentSpanId }) => parentSpanId === parent?.spanId)
  const trace = () => {
    const [send] = named('send', { envelopes: 2 })
    const commit = childOf(send, 'commit')
    return { send, commit, push: childOf(commit, 'push') }
  }
  await at.until(
    () => trace().push !== undefined && named('http').length === 2 && named('handshake', refused).length > 0,
  )

  const { send, commit, push } = trace()
  expect(send).toMatchObject({ parentSpanId: undefined, facts: { envelopes: 2, refused: 1 }, error: false })
  expect(commit).toMatchObject({ traceId: send!.traceId, facts: { accepts: 1 }, error: false })
  expect(push).toMatchObject({ traceId: send!.traceId, facts: { deliveries: 1 } })
  const http = named('http').map(({ facts, traceId }) => {
    expect(traceId).not.toBe('a'.repeat(32))
    return [facts['http.route'], facts['http.response.status_code']]
  })
  expect(http).toEqual([
    ['/ready', 200],
    [undefined, 404],
  ])
  expect(named('handshake', refused)[0]).toMatchObject({ error: true })
  expect(at.resource).toMatchObject({
    'service.name': 'claudemesh-broker',
    'service.instance.id': 'node-one',
    'deployment.environment.name': 'test',
  })
  expect(at.headers.get('x-tenant')).toBe('ours')

  // What is logged within a span bears its ids.
  const hello = lines('hello').at(-1)!
  expect(named('handshake').map(({ traceId, spanId }) => [traceId, spanId])).toContainEqual([
    hello.trace_id,
    hello.span_id,
  ])
  expect(lines('broker.started')[0]).not.toHaveProperty('trace_id')

  const told = at.bodies.join('\n')
  const hidden = [
    founded.mesh.id,
    alice.session.member.signer.publicKey,
    one.header.id,
    one.body,
    signer.publicKey,
  ]
  for (const bytes of hidden) {
    expect(told).not.toContain(toBase64url(bytes))
    expect(told).not.toContain(Buffer.from(bytes).toString('hex'))
  }
  expect(told).not.toContain('secret-in-a-path')
})

test('a collector that never answers is told of once and holds up neither a message nor the end, and what waits for it is bounded', async () => {
  const QUEUE = 32
  const port = await freePort()
  const held = new Set<Socket>()
  const asked = Promise.withResolvers<void>()
  const silent = createServer(socket => {
    held.add(socket)
    socket.on('error', () => {})
    asked.resolve()
  })
  await new Promise<void>(resolve => silent.listen(port, '127.0.0.1', resolve))
  const { alice, bob, envelope } = await startBroker({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${port}/v1/traces`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '300',
    OTEL_BSP_SCHEDULE_DELAY: '10',
    OTEL_BSP_MAX_QUEUE_SIZE: String(QUEUE),
  })
  await asked.promise
  const SENDS = 200
  for (let i = 0; i < SENDS; i++) {
    const { results } = await alice.socket.send([envelope()])
    expect(results[0]!.error).toBeNull()
  }
  await bob.socket.receive(SENDS)
  await expect.poll(() => lines('tracing.unexported').length).toBe(1)
  for (const socket of held) socket.destroy()
  await new Promise(resolve => silent.close(resolve))

  const at = collector(port)
  let asks = 0
  for (; at.spans.length === 0; asks++) await fetch(`${broker.url}/ready`)
  await expect.poll(() => lines('tracing.exported').length).toBe(1)
  // One export was under way, one queue was full: of some 600 spans no more were kept.
  expect(at.spans.length).toBeLessThanOrEqual(2 * QUEUE + asks)
  expect(lines('tracing.unexported')).toHaveLength(1)

  // Away once more: it stops as it always does.
  await at.close()
  await alice.socket.send([envelope()])
  const began = Date.now()
  await broker.end('SIGTERM')
  expect(Date.now() - began).toBeLessThan(10_000)
  expect(lines('broker.stopped')).toHaveLength(1)
})

test('without a collector nothing that makes or sends spans is loaded: only a dynamic import leads there', async () => {
  const { metafile } = await Bun.build({
    entrypoints: [MAIN],
    target: 'bun',
    metafile: true,
    write: false,
  } as Parameters<typeof Bun.build>[0])
  const reached = (follow: (kind: string) => boolean) => {
    const seen = new Set<string>()
    const walk = (file: string) => {
      if (seen.has(file)) return
      seen.add(file)
      for (const { path, kind } of metafile!.inputs[file]?.imports ?? []) if (follow(kind)) walk(path)
    }
    walk(Object.keys(metafile!.inputs).find(file => file.endsWith('broker/src/main.ts'))!)
    // The interfaces alone came with prom-client before.
    return [...seen].filter(file => /@opentelemetry\/(?!api\/)/.test(file))
  }
  expect(reached(() => true)).not.toEqual([])
  expect(reached(kind => kind !== 'dynamic-import')).toEqual([])
})
