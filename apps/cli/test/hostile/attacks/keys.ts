/** Keys that are not those of whom they name: nothing is ever sealed to them, and the message waits. */
import { generateSigner, type Signer, signCertificate, signPrekey } from '@claudemesh/crypto'
import { generateAgreement, makePrekey } from '@claudemesh/crypto/sealing'
import { type BrokerFrameOf, type Certificate, type PrekeyBundle, TIMES } from '@claudemesh/protocol'
import { headOf } from '../forge.ts'
import type { Person, Session } from '../people.ts'
import type { Attack, Stage } from '../stage.ts'

type Bundle = BrokerFrameOf<'prekeys'>['bundles'][number]
interface Cast {
  readonly stage: Stage
  readonly bob: Person
  readonly api: Session
  readonly mallory: Person
}

/** Alice asks for the keys of Bob's session and is served these. */
async function served(stage: Stage, change: (one: Bundle, cast: Cast) => Partial<Bundle>): Promise<string[]> {
  const [alice, bob, mallory] = (await stage.mesh('Bob', 'Mallory')) as [Person, Person, Person]
  const api = await bob.open('api')
  stage.broker.lie = {
    fromBroker: (frame, { member }) =>
      frame.type === 'prekeys' && member === alice.key
        ? [
            {
              ...frame,
              bundles: frame.bundles.map(one => ({ ...one, ...change(one, { stage, bob, api, mallory }) })),
            },
          ]
        : undefined,
  }
  const msg = await alice.send([api.recipient], 'not to be sealed to anybody else')
  await stage.until('the keys were refused', () => alice.stateOf(msg).startsWith('pending '))
  return [...new Set(alice.refusals('prekey.refused')), alice.stateOf(msg), String(stage.broker.sent.length)]
}
const swap = (
  name: string,
  why: string | null,
  change: (one: Bundle, cast: Cast) => Partial<Bundle>,
): Attack => ({
  name,
  seen: [...(why === null ? [] : [why]), 'pending no-keys', '0'],
  run: stage => served(stage, change),
})

/** As Bob's session would sign it; the secret half is thrown away. */
const prekeyOf = ({ bob, api }: Cast, n: number, signer: Signer = api.signer): PrekeyBundle =>
  makePrekey({ mesh: bob.identity.mesh, owner: api.recipient, n, signer }).prekey
const resigned = (prekey: PrekeyBundle, signer: Signer, more: Partial<PrekeyBundle>): PrekeyBundle => {
  const { signature: _, ...unsigned } = { ...prekey, ...more }
  return signPrekey(unsigned, signer)
}
const certificateOf = (
  { bob, api }: Cast,
  more: Partial<Certificate> = {},
  member: Signer = bob.identity.member,
  session: Signer = api.signer,
): Certificate => {
  const { rosterSeq } = bob.client.view()
  const now = Date.now()
  return signCertificate(
    {
      mesh: bob.identity.mesh,
      member: bob.identity.member.publicKey,
      session: api.signer.publicKey,
      uuid: api.uuid,
      notBefore: now,
      notAfter: now + TIMES.certificateMs,
      rosterSeq,
      rosterHead: headOf(bob, rosterSeq),
      ...more,
    },
    member,
    session,
  )
}

const UNSIGNED = 'bad-signature: the prekey was not signed by its owner'
const NOT_BOTH = 'bad-signature: the certificate was not signed by both its keys'

export const KEY_ATTACKS: readonly Attack[] = [
  swap('a broker gives out a prekey of its own', UNSIGNED, (_, cast) => ({
    prekey: prekeyOf(cast, Date.now(), {
      publicKey: cast.api.signer.publicKey,
      secretKey: cast.stage.broker.key.secretKey,
    }),
  })),
  swap('a broker swaps the X25519 half of a prekey', UNSIGNED, ({ prekey }) => ({
    prekey: { ...prekey!, bundle: { ...prekey!.bundle, x25519: generateAgreement().bundle.x25519 } },
  })),
  swap('a broker swaps the post-quantum half of a prekey', UNSIGNED, ({ prekey }) => ({
    prekey: { ...prekey!, bundle: { ...prekey!.bundle, xwing: generateAgreement().bundle.xwing } },
  })),
  swap('a broker lengthens the life of a prekey', UNSIGNED, ({ prekey }) => ({
    prekey: { ...prekey!, usableUntil: prekey!.usableUntil + 1 },
  })),
  swap(
    'a broker gives out the prekey of another member',
    'integrity: the prekey is of somebody else',
    (_, { mallory }) => ({ prekey: mallory.prekey() }),
  ),
  swap(
    'a broker gives out the prekey of the person instead of the session',
    'integrity: the prekey is of somebody else',
    (_, { bob }) => ({ prekey: bob.prekey() }),
  ),
  swap(
    'a session signs a prekey that outlives every other',
    'integrity: a prekey lives as long as every other',
    ({ prekey }, { api }) => ({
      prekey: resigned(prekey!, api.signer, { usableUntil: prekey!.usableUntil * 2 }),
    }),
  ),
  swap(
    'a session signs a prekey of the future, that no later one could replace',
    'clock: the prekey is ahead of this clock',
    (_, cast) => ({ prekey: prekeyOf(cast, Date.now() + 3_600_000) }),
  ),
  swap(
    'a broker gives out a prekey that the same keys signed in another mesh',
    'integrity: prekey of another mesh',
    ({ prekey }, { api }) => ({ prekey: resigned(prekey!, api.signer, { mesh: new Uint8Array(32) }) }),
  ),
  swap('a broker gives out a stale prekey of somebody it shows online', null, (_, cast) => ({
    prekey: prekeyOf(cast, Date.now() - TIMES.prekeyFreshMs - 1),
    lease: 'online',
  })),
  swap(
    'a broker leaves out the certificate of a session',
    'integrity: the certificate is not of this session',
    () => ({ certificate: null }),
  ),
  swap('a broker certifies a session in the name of its member', NOT_BOTH, (_, cast) => ({
    certificate: certificateOf(cast, {}, cast.stage.broker.key),
  })),
  swap('a member certifies a session whose key it does not have', NOT_BOTH, (_, cast) => ({
    certificate: certificateOf(cast, {}, cast.bob.identity.member, cast.mallory.identity.member),
  })),
  swap(
    'a member certifies the session of another as its own',
    'integrity: the certificate is not of this session',
    (_, cast) => {
      const { member } = cast.mallory.identity
      return { certificate: certificateOf(cast, { member: member.publicKey }, member) }
    },
  ),
  swap(
    'a member certifies a session for a week',
    'integrity: a certificate lives for at most 12 hours',
    (_, cast) => ({ certificate: certificateOf(cast, { notAfter: Date.now() + 7 * 86_400_000 }) }),
  ),
  swap(
    'a broker shows a certificate that ran out two months ago',
    'expired: the certificate ran out',
    (_, cast) => {
      const notBefore = Date.now() - 60 * 86_400_000
      return { certificate: certificateOf(cast, { notBefore, notAfter: notBefore + 3_600_000 }) }
    },
  ),
  {
    name: 'a broker goes back to an older prekey',
    seen: ['counter: an older prekey than one seen before was shown', 'pending no-keys', '1'],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      const first = await alice.send([bob.recipient], 'to the newest')
      await stage.until('the first is delivered', () => alice.stateOf(first) === 'delivered')
      const { member, mesh } = bob.identity
      const older = makePrekey({ mesh, owner: bob.recipient, n: Date.now() - 3_600_000, signer: member })
      stage.broker.lie = {
        fromBroker: frame =>
          frame.type === 'prekeys'
            ? [{ ...frame, bundles: frame.bundles.map(one => ({ ...one, prekey: older.prekey })) }]
            : undefined,
      }
      await alice.client.stop()
      await alice.start()
      const msg = await alice.send([bob.recipient], 'not to an older one')
      await stage.until('the key was refused', () => alice.stateOf(msg).startsWith('pending '))
      const sealed = stage.broker.sent.filter(({ header }) => header.priority === 'next')
      return [...new Set(alice.refusals('prekey.refused')), alice.stateOf(msg), String(sealed.length)]
    },
  },
  {
    name: 'a broker passes itself off as somebody’s new session',
    seen: [NOT_BOTH, 'nobody'],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      const uuid = crypto.randomUUID()
      const fake: Session = { uuid, signer: generateSigner(), recipient: bob.recipient }
      const cast = { stage, bob, api: fake, mallory: alice }
      const entry = { presence: null, lease: 'online', leaseAt: Date.now(), hook: null } as const
      const certificate = certificateOf(cast, {}, stage.broker.key, fake.signer)
      stage.broker.seatOf(alice.recipient).say({ type: 'presence', entry: { ...entry, certificate } })
      await stage.until('it was refused', () => alice.refusals('directory.refused').length > 0)
      const shown = alice.client.peers().find(one => one.uuid === uuid)
      return [...alice.refusals('directory.refused'), shown ? 'shown' : 'nobody']
    },
  },
]
