import { signPresence } from '@claudemesh/crypto'
import { makePrekey, sealProfile } from '@claudemesh/crypto/sealing'
import { type ClientFrame, prekeyBundle, presenceRecord } from '@claudemesh/protocol'
import { beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { deriveRoster } from './roster-of.ts'
import { ScriptedBroker, scriptedMember, settled } from './scripted-broker.ts'
import { online, profileOf } from './world.ts'

const now = Date.now()
let made: ReturnType<typeof deriveRoster>
let broker: ScriptedBroker
beforeEach(async () => {
  made = deriveRoster(2, now)
  broker = new ScriptedBroker(made.seed, made.brokerKey, () => now)
})

const attaches = () =>
  broker.heard.filter((frame): frame is Extract<ClientFrame, { type: 'attach' }> => frame.type === 'attach')
/** Refuses whatever is below this prekey's number, and shows it. */
function standing(signer = made.people[0]!.member, n = now + 1_000) {
  const owner = { member: made.people[0]!.member.publicKey, session: null }
  const { prekey } = makePrekey({ mesh: made.seed.mesh, owner, n, signer })
  broker.script = frame =>
    frame.type === 'attach' && frame.prekey.n <= n
      ? {
          type: 'error',
          code: 'counter',
          message: 'A newer record of this recipient stands.',
          facts: { standing: z.encode(prekeyBundle, prekey) },
        }
      : undefined
}

test('a prekey refused as too low goes above the signed one that stands, and its line is another from then on', async () => {
  standing()
  const { client } = scriptedMember(broker, made.seed, made.people[0]!, () => now)
  client.start()
  await online(client)
  await settled()
  expect(attaches().map(({ prekey }) => prekey.n)).toEqual([now, now + 1_001])
  expect(client.attached(null)).toBe(true)
  expect(client.view().problems.map(one => one.code)).toEqual(['set-back'])
  await client.stop()
})

test('one that we did not sign, or that lies further ahead than anybody accepts, moves nothing', async () => {
  for (const [signer, n] of [
    [made.people[1]!.member, now + 1_000],
    [made.people[0]!.member, now + 600_000],
  ] as const) {
    broker = new ScriptedBroker(made.seed, made.brokerKey, () => now)
    standing(signer, n)
    const { client } = scriptedMember(broker, made.seed, made.people[0]!, () => now)
    client.start()
    await online(client)
    await settled()
    expect(attaches().map(({ prekey }) => prekey.n)).toEqual([now])
    expect(client.view().problems.map(one => one.code)).toEqual(['attach '])
    await client.stop()
  }
})

test('so does a presence', async () => {
  const [alice] = made.people
  const { client } = scriptedMember(broker, made.seed, alice!, () => now)
  const signer = made.people[1]!.member
  const uuid = crypto.randomUUID()
  const place = { mesh: made.seed.mesh, member: alice!.member.publicKey, session: signer.publicKey }
  const profile = profileOf('api')
  const sealed = sealProfile({ profile, epochKey: made.seed.epochs[0]!.key, epoch: 1, ...place })
  const record = signPresence(
    {
      ...place,
      counter: now + 1_000,
      status: 'idle',
      source: 'daemon',
      at: now,
      rosterSeq: 0,
      rosterHead: new Uint8Array(32),
      epoch: 1,
      profile: sealed,
    },
    signer,
  )
  broker.script = frame =>
    frame.type === 'attach' && frame.presence && frame.presence.counter <= record.counter
      ? {
          type: 'error',
          code: 'counter',
          message: 'A newer record of this recipient stands.',
          facts: { standing: z.encode(presenceRecord, record) },
        }
      : undefined
  await client.openSession({ uuid, signer, profile })
  client.start()
  await online(client)
  await settled()
  const counters = attaches().flatMap(({ presence }) => (presence ? [presence.counter] : []))
  expect(counters).toEqual([now, now + 1_001])
  expect(client.attached(uuid)).toBe(true)
  expect(client.view().problems).toEqual([])
  await client.stop()
})
