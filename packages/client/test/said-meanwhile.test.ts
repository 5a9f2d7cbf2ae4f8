/** What a session says of itself reaches the broker, whenever it says it and however often the broker fails. */
import { generateSigner } from '@claudemesh/crypto'
import { beforeEach, expect, test } from 'vitest'
import { LOOK_MS } from '../src/session/prekey-life.ts'
import { deriveRoster } from './roster-of.ts'
import { ScriptedBroker, scriptedMember, settled } from './scripted-broker.ts'
import { online, profileOf } from './world.ts'

const now = Date.now()
const uuid = crypto.randomUUID()
let broker: ScriptedBroker
let member: ReturnType<typeof scriptedMember>
beforeEach(async () => {
  const made = deriveRoster(2, now)
  broker = new ScriptedBroker(made.seed, made.brokerKey, () => now)
  member = scriptedMember(broker, made.seed, made.people[0]!, () => now)
  member.client.start()
  await online(member.client)
})

/** Statuses that the broker was told, in their order. */
const told = () =>
  broker.heard.flatMap(frame => {
    if (frame.type === 'attach') return frame.presence ? [frame.presence.status] : []
    return frame.type === 'presence' ? [frame.record.status] : []
  })
const open = (after?: Promise<void>) => {
  const status = { status: 'idle', source: 'daemon', at: now } as const
  const session = { uuid, signer: generateSigner(), profile: profileOf('web'), status }
  return member.client.openSession(session, after)
}

test('what changes while an attach is on its way is told behind it', async () => {
  const { script } = broker
  broker.script = frame => {
    if (frame.type === 'attach' && frame.recipient.session !== null)
      member.client.setStatus(uuid, 'waiting', 'sessions-file', now)
    return script(frame)
  }
  await open()
  await settled()
  expect(told()).toEqual(['idle', 'waiting'])
  await member.client.stop()
})

test('who is attached later says then what has changed until then, and who was closed meanwhile says nothing', async () => {
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>()
  const opening = open(answered)
  member.client.setStatus(uuid, 'working', 'hook', now)
  await settled()
  expect([member.client.attached(uuid), told()]).toEqual([false, []])
  answer()
  await opening
  expect([member.client.attached(uuid), told()]).toEqual([true, ['working']])
  await member.client.closeSession(uuid)

  const closing = open(Promise.resolve())
  await member.client.closeSession(uuid)
  await closing
  await settled()
  expect(told()).toEqual(['working'])
  await member.client.stop()
})

test('what the broker could not take is told again with the next look', async () => {
  await open()
  const { script } = broker
  broker.script = frame =>
    frame.type === 'presence' ? { type: 'error', code: 'unavailable', message: 'later' } : script(frame)
  member.client.setStatus(uuid, 'waiting', 'sessions-file', now)
  await settled()
  expect(told()).toEqual(['idle', 'waiting'])
  broker.script = script
  await member.ring(LOOK_MS)
  await settled()
  expect(told()).toEqual(['idle', 'waiting', 'waiting'])
  // Once it was taken nothing is repeated.
  await member.ring(LOOK_MS)
  await settled()
  expect(told()).toHaveLength(3)
  await member.client.stop()
})
