import { equalBytes, type Recipient } from '@claudemesh/protocol'
import { expect, test } from 'vitest'
import { deriveRoster } from './roster-of.ts'
import { ScriptedBroker, scriptedMember } from './scripted-broker.ts'
import { text, when } from './world.ts'

test('what is written while the keys of somebody else are fetched has its own asked for at once', async () => {
  const now = Date.now()
  const { people, seed, brokerKey } = deriveRoster(3, now)
  const broker = new ScriptedBroker(seed, brokerKey, () => now)
  const { client } = scriptedMember(broker, seed, people[0]!, () => now)
  const [, bob, carol] = people.map(({ member }) => ({ member: member.publicKey, session: null }))
  // Before it attaches, a client asks what the broker has of itself.
  const isOwn = ({ recipients }: { recipients: readonly Recipient[] }) =>
    recipients.every(({ member }) => equalBytes(member, people[0]!.member.publicKey))
  let later: string | undefined
  let asksLater = false
  broker.script = frame => {
    if (frame.type !== 'prekeys.get' || isOwn(frame)) return undefined
    if (!asksLater) {
      asksLater = true
      void client.send(text(null, [carol!], 'meanwhile')).then(msg => {
        later = msg
      })
    }
    const bundles = frame.recipients.map(recipient => ({ recipient, certificate: null, prekey: null }))
    return { type: 'prekeys', bundles: bundles.map(one => ({ ...one, lease: 'offline' as const })) }
  }
  client.start()
  await when(client, 'state', () => client.state === 'online')
  await client.send(text(null, [bob!], 'first'))
  await when(
    client,
    'outbox',
    () => later !== undefined && client.outboxMessage(later)?.recipients[0]?.why !== null,
  )
  const asked = broker.heard.flatMap(frame =>
    frame.type === 'prekeys.get' && !isOwn(frame) ? frame.recipients : [],
  )
  expect(asked).toEqual([bob, carol])
  await client.stop()
})
