/** Members who lie: with real keys of their own, a client of their own, and a broker on their side that delivers whatever they make. */
import {
  generateSigner,
  parseInviteLink,
  signCertificate,
  signJoin,
  signPrekey,
  uuidText,
  uuidv7,
} from '@claudemesh/crypto'
import { deriveInviteKeys } from '@claudemesh/crypto/sealing'
import {
  type BrokerFrameOf,
  type Certificate,
  type DeliveredEnvelope,
  equalBytes,
  type PrekeyBundle,
  TIMES,
} from '@claudemesh/protocol'
import { type Forged, forge, headOf, withNonce } from '../forge.ts'
import { invite, type Person, type Session } from '../people.ts'
import { type Attack, refusal, type Stage } from '../stage.ts'

interface Cast {
  readonly alice: Person
  readonly bob: Person
  readonly mallory: Person
  /** A session of Alice's, and one of Mallory's. */
  readonly hers: Session
  readonly own: Session
}
async function cast(stage: Stage): Promise<Cast> {
  const [alice, bob, mallory] = (await stage.mesh('Bob', 'Mallory')) as [Person, Person, Person]
  const [hers, own] = [await alice.open('hers'), await mallory.open('own')]
  return { alice, bob, mallory, hers, own }
}

/** Bob is handed what Mallory made by hand; refused at `step`, and nothing of it is shown. */
const forged = (name: string, step: string, make: (cast: Cast) => Forged): Attack => ({
  name,
  seen: [step],
  async run(stage) {
    const all = await cast(stage)
    await stage.broker.deliver(all.bob.recipient, forge(all.mallory, all.bob, make(all)))
    return [...all.bob.unopened(), ...all.bob.texts()]
  },
})

/** Of Mallory's session, signed by both keys as it must be, unless told otherwise. */
const certificateOf = (
  { bob, mallory, own }: Cast,
  more: Partial<Certificate> = {},
  signers = { member: mallory.identity.member, session: own.signer },
): Certificate => {
  const now = Date.now()
  const { rosterSeq } = bob.client.view()
  return signCertificate(
    {
      mesh: bob.identity.mesh,
      member: mallory.identity.member.publicKey,
      session: own.signer.publicKey,
      uuid: own.uuid,
      notBefore: now,
      notAfter: now + TIMES.certificateMs,
      rosterSeq,
      rosterHead: headOf(bob, rosterSeq),
      ...more,
    },
    signers.member,
    signers.session,
  )
}
const HOUR = 3_600_000

/** Mallory claims this of the roster; then Bob writes to her and to Alice. */
const claimed = (name: string, claim: (bob: Person) => { seq: number; head: Uint8Array }): Attack => ({
  name,
  seen: ['roster-unproven', 'pending roster-unproven', 'delivered'],
  async run(stage) {
    const { alice, bob, mallory } = await cast(stage)
    const payload = { text: 'hello', replyTo: null, threadId: null }
    const envelope = forge(mallory, bob, { payload, plaintext: { roster: claim(bob) } })
    await stage.broker.deliver(bob.recipient, envelope)
    const toHer = await bob.send([mallory.recipient], 'one')
    const toAlice = await bob.send([alice.recipient], 'two')
    await stage.until('Alice has hers', () => bob.stateOf(toAlice) === 'delivered')
    await stage.until('Mallory’s waits', () => bob.stateOf(toHer) !== 'pending')
    const problems = bob.client.view().problems.map(({ code }) => code)
    return [...problems, bob.stateOf(toHer), bob.stateOf(toAlice)]
  },
})

const withPrekey = (bundles: BrokerFrameOf<'prekeys'>['bundles'], prekey: PrekeyBundle) =>
  bundles.map(one => (equalBytes(one.recipient.member, prekey.member) ? { ...one, prekey } : one))

export const MEMBER_ATTACKS: readonly Attack[] = [
  forged('a member writes in the name of another person', 'signature', ({ alice, mallory }) => ({
    from: { uuid: '', signer: mallory.identity.member, recipient: alice.recipient },
  })),
  forged('a member writes in the name of another’s session', 'signature', ({ hers, mallory, alice }) => ({
    from: { ...hers, signer: mallory.identity.member },
    certificate: certificateOf(
      { bob: alice, mallory: alice, own: hers } as Cast,
      {},
      { member: alice.identity.member, session: hers.signer },
    ),
  })),
  forged('a member’s session writes without a certificate', 'certificate', ({ own }) => ({ from: own })),
  forged('a member’s session shows the certificate of another session', 'certificate', all => ({
    from: all.own,
    certificate: certificateOf({ ...all, own: { ...all.own, signer: generateSigner() } }),
  })),
  forged('a member certifies a session key that is not its own', 'certificate', all => ({
    from: all.own,
    certificate: certificateOf(all, {}, { member: all.mallory.identity.member, session: all.hers.signer }),
  })),
  forged('a session vouches for itself without its member', 'certificate', all => ({
    from: all.own,
    certificate: certificateOf(all, {}, { member: all.own.signer, session: all.own.signer }),
  })),
  forged('a session writes under a certificate that ran out', 'certificate', all => ({
    from: all.own,
    certificate: certificateOf(all, { notBefore: Date.now() - 13 * HOUR, notAfter: Date.now() - HOUR }),
  })),
  forged('a session writes under a certificate of 13 hours', 'certificate', all => ({
    from: all.own,
    certificate: certificateOf(all, { notAfter: Date.now() + 13 * HOUR }),
  })),
  forged('a session back-dates a message to before it was certified', 'certificate', all => ({
    from: all.own,
    certificate: certificateOf(all),
    sentAt: Date.now() - HOUR,
  })),
  forged('a person’s mail carries a certificate', 'certificate', all => ({
    certificate: certificateOf(all),
  })),
  forged('a member sends a text that is no text', 'payload', () => ({ payload: { text: 7, more: [] } })),
  forged('a member sends a text that trips whoever asks how long it is', 'payload', () => ({
    payload: { text: { length: { toString: 0 } }, replyTo: null, threadId: null },
  })),
  forged('a member makes a message that ended long ago', 'time', () => ({
    sentAt: Date.now() - 3 * 86_400_000,
    ttl: 1_000,
  })),
  {
    name: 'a member seals two content keys into one envelope, so that two recipients read two texts',
    seen: ['commit'],
    async run(stage) {
      const { bob, mallory } = await cast(stage)
      const [sentAt, nonce] = [Date.now(), crypto.getRandomValues(new Uint8Array(24))]
      const id = uuidv7(sentAt)
      const [one, other] = withNonce(nonce, () => [
        forge(mallory, bob, { id, sentAt }),
        forge(mallory, bob, { id, sentAt }),
      ]) as [DeliveredEnvelope, DeliveredEnvelope]
      // Header and body of the one, and for Bob the content key of the other.
      const header = { ...one.header, to: other.header.to }
      await stage.broker.deliver(bob.recipient, { ...one, header, slot: other.slot })
      return [...bob.unopened(), ...bob.texts()]
    },
  },
  {
    name: 'somebody writes who was removed',
    seen: ['member'],
    async run(stage) {
      const { alice, bob, mallory } = await cast(stage)
      const envelope = forge(mallory, bob)
      await alice.client.remove(mallory.identity.member.publicKey)
      await stage.until('Bob knows', () => bob.client.view().members === 2)
      await stage.broker.deliver(bob.recipient, envelope)
      return [...bob.unopened(), ...bob.texts()]
    },
  },
  {
    name: 'somebody dials who was removed',
    seen: ['removed removed'],
    async run(stage) {
      const { alice, mallory } = await cast(stage)
      await alice.client.remove(mallory.identity.member.publicKey)
      await stage.until('Mallory is out', () => mallory.client.state === 'removed')
      await mallory.client.stop()
      await mallory.start()
      stage.struck()
      await stage.until('the broker answered', () => mallory.client.why !== null)
      return [`${mallory.client.state} ${mallory.client.why?.code}`]
    },
  },
  {
    name: 'a member takes the name of another’s message, so that one of the two is taken for a repeat',
    seen: ['from Alice', 'from Mallory'],
    async run(stage) {
      const { alice, bob, mallory } = await cast(stage)
      const msg = await alice.send([bob.recipient], 'from Alice')
      await stage.until('it is delivered', () => alice.stateOf(msg) === 'delivered')
      const payload = { text: 'from Mallory', replyTo: null, threadId: null }
      await stage.broker.deliver(bob.recipient, forge(mallory, bob, { payload, plaintext: { msg } }))
      return bob.texts()
    },
  },
  {
    name: 'a member writes from a day ahead, to stand below whatever comes',
    seen: ['held clock', '0'],
    async run(stage) {
      const { bob, mallory } = await cast(stage)
      const sentAt = Date.now() + 86_400_000
      const msg = uuidText(uuidv7(sentAt))
      const payload = { text: 'early', replyTo: null, threadId: null }
      await stage.broker.deliver(bob.recipient, forge(mallory, bob, { payload, sentAt, plaintext: { msg } }))
      const row = bob.store.inbox.find('', `${mallory.key}/`, msg)
      return [`${row?.receipt} ${row?.receiptWhy}`, String(bob.texts().length)]
    },
  },
  {
    name: 'a member publishes a key that is no key, so that nothing can be sealed to its group',
    seen: ['integrity: nothing can be sealed to this bundle', 'as written', 'delivered', 'pending no-keys'],
    async run(stage) {
      const { alice, bob, mallory } = await cast(stage)
      const { signature: _, ...prekey } = mallory.prekey()
      const bundle = { ...prekey.bundle, x25519: new Uint8Array(32) }
      const worthless = signPrekey({ ...prekey, bundle }, mallory.identity.member)
      stage.broker.lie = {
        fromBroker: frame =>
          frame.type === 'prekeys'
            ? [{ ...frame, bundles: withPrekey(frame.bundles, worthless) }]
            : undefined,
      }
      const msg = await alice.send([bob.recipient, mallory.recipient], 'as written')
      const at = (who: Person) =>
        alice.client
          .outboxMessage(msg)!
          .recipients.findIndex(({ to }) => equalBytes(to.member, who.recipient.member))
      await stage.until('Bob has it', () => alice.stateOf(msg, at(bob)) === 'delivered')
      const refused = [...new Set(alice.refusals('prekey.refused'))]
      return [...refused, ...bob.texts(), alice.stateOf(msg, at(bob)), alice.stateOf(msg, at(mallory))]
    },
  },
  {
    name: 'somebody joins with keys that are no keys, so that nobody can be removed any more',
    seen: ['believed', '2', 'still read'],
    async run(stage) {
      const [alice, bob, carol] = (await stage.mesh('Bob', 'Carol')) as [Person, Person, Person]
      const link = await invite(alice)
      const mallory = generateSigner()
      const bundle = { x25519: new Uint8Array(32), xwing: new Uint8Array(1216) }
      stage.broker.lie = {
        fromClient(frame) {
          if (frame.type !== 'roster.append' || frame.entry.kind !== 'join') return undefined
          const { signatures: _, ...entry } = frame.entry
          const body = { ...entry.body, bundle }
          const { signer } = deriveInviteKeys(parseInviteLink(link).secret)
          return [
            { ...frame, entry: signJoin({ ...entry, author: mallory.publicKey, body }, mallory, signer) },
          ]
        },
      }
      await stage.people.join(link, 'Mallory')
      stage.broker.lie = {}
      await stage.until('she is in', () => alice.client.view().members === 4)
      const removed = await refusal(alice.client.remove(bob.identity.member.publicKey))
      await stage.until('Carol has the new key', () => carol.client.view().epoch === 2)
      const msg = await alice.send([carol.recipient], 'still read')
      await stage.until('Carol has it', () => alice.stateOf(msg) === 'delivered')
      return [removed, String(carol.client.view().epoch), ...carol.texts()]
    },
  },
  claimed('a member claims a roster that does not exist', bob => ({
    seq: bob.client.view().rosterSeq + 100,
    head: new Uint8Array(32).fill(1),
  })),
  claimed('a member claims another entry at a place that is pinned', () => ({
    seq: 2,
    head: new Uint8Array(32).fill(1),
  })),
]
