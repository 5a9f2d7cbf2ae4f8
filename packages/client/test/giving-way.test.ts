import { makePrekey } from '@claudemesh/crypto/sealing'
import { type DataFrame, TIMES } from '@claudemesh/protocol'
import { beforeEach, expect, test } from 'vitest'
import { deriveRoster } from './roster-of.ts'
import { ScriptedBroker, scriptedMember, settled } from './scripted-broker.ts'
import { online, reached, text, when } from './world.ts'

const now = Date.now()
const NO_ANSWER = ''
let made: ReturnType<typeof deriveRoster>
let broker: ScriptedBroker
beforeEach(async () => {
  made = deriveRoster(2, now)
  broker = new ScriptedBroker(made.seed, made.brokerKey, () => now)
})

/** Answers a `send` with one result for each envelope. */
const accepted = (
  frame: Extract<DataFrame, { type: 'send' }>,
  error: 'replaced' | 'not-attached' | null,
): DataFrame => ({
  type: 'accepted',
  ref: frame.ref,
  results: frame.envelopes.map(({ header }) => ({
    id: header.id,
    error,
    seq: error === null ? 1 : 0,
    auditIndex: 0,
    at: now,
    recipients: error === null ? header.to.map(() => 'queued' as const) : [],
  })),
})

/** Knows the second member's prekey, and answers what is sent with `error`. */
function scriptSends(error: 'replaced' | 'not-attached' | null) {
  const [, bob] = made.people as [(typeof made.people)[number], (typeof made.people)[number]]
  const recipient = { member: bob.member.publicKey, session: null }
  const { prekey } = makePrekey({ mesh: made.seed.mesh, owner: recipient, n: now, signer: bob.member })
  broker.script = frame => {
    if (frame.type === 'prekeys.get')
      return {
        type: 'prekeys',
        bundles: [{ recipient, certificate: null, prekey, lease: 'online' as const }],
      }
    return frame.type === 'send' ? accepted(frame, error) : undefined
  }
  return recipient
}

test('a daemon whose `send` is answered `replaced` does not fight: it says so, keeps its mail, and comes back with the next connection', async () => {
  const recipient = scriptSends('replaced')
  const { client, ring } = scriptedMember(broker, made.seed, made.people[0]!, () => now)
  client.start()
  await online(client)
  const msg = await client.send(text(null, [recipient], 'who is it?'))
  const stateOf = (one: string) => client.outboxMessage(one)!.recipients[0]
  await when(client, 'outbox', () => stateOf(msg)?.why === 'replaced')
  await settled()
  expect(stateOf(msg)).toMatchObject({ state: 'pending', why: 'replaced' })
  expect(client.attached(null)).toBe(false)
  expect(
    client
      .view()
      .problems.map(one => one.message)
      .join(),
  ).toContain('another daemon')
  const next = await client.send(text(null, [recipient], 'and this'))
  expect(stateOf(next)).toMatchObject({ state: 'pending', why: 'replaced' })

  // A clock that was wrong and is right again makes everybody else attach again.
  const { script } = broker
  let off = 600_000
  broker.script = frame => (frame.type === 'ping' ? { type: 'pong', time: now + off } : script(frame))
  await ring(TIMES.heartbeatMs)
  expect(client.view().problems.map(one => one.code)).toContain('clock')
  off = 0
  await ring(TIMES.heartbeatMs)
  expect(client.view().problems.map(one => one.code)).not.toContain('clock')
  expect([broker.count('attach'), broker.count('send')]).toEqual([1, 1])

  scriptSends(null)
  broker.drop()
  await when(client, 'state', () => client.state === 'offline')
  await ring(0)
  await online(client)
  await reached(client, msg, 'accepted')
  await reached(client, next, 'accepted')
  expect(client.view().problems).toEqual([])
  await client.stop()
})

test('one whose `send` is answered `not-attached` attaches again, and the same bytes go out', async () => {
  const recipient = scriptSends('not-attached')
  const { client } = scriptedMember(broker, made.seed, made.people[0]!, () => now)
  client.start()
  await online(client)
  const { script } = broker
  broker.script = frame => {
    if (broker.count('attach') > 1) scriptSends(null)
    return script(frame)
  }
  const msg = await client.send(text(null, [recipient], 'hello'))
  await reached(client, msg, 'accepted')
  const ids = broker.heard.flatMap(frame => (frame.type === 'send' ? frame.envelopes : []))
  expect(new Set(ids.map(({ header }) => String(header.id))).size).toBe(1)
  expect(broker.count('attach')).toBe(2)
  await client.stop()
})

test('one that was replaced after an attach of its own had no answer attaches once more: nobody else may be there', async () => {
  const { client, ring } = scriptedMember(broker, made.seed, made.people[0]!, () => now)
  const { script } = broker
  let lost = false
  broker.script = frame => {
    if (frame.type !== 'attach' || lost) return script(frame)
    // It is on its way to the database when the broker goes.
    lost = true
    broker.drop()
    return NO_ANSWER
  }
  client.start()
  await when(client, 'state', () => client.state === 'offline')
  await ring(0)
  await online(client)
  await settled()
  const recipient = { member: made.people[0]!.member.publicKey, session: null }
  const replaced = () => broker.push({ type: 'replaced', recipient, attachment: 1 })
  replaced()
  await settled()
  expect([client.attached(null), client.view().problems]).toEqual([true, []])
  expect(broker.count('attach')).toBe(3)
  // A second time somebody is there.
  replaced()
  await settled()
  expect(client.attached(null)).toBe(false)
  expect(client.view().problems.map(one => one.message)).toEqual([
    'another daemon with the same keys has taken this session over',
  ])
  expect(broker.count('attach')).toBe(3)
  await client.stop()
})
