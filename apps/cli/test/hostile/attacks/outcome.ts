/** Words of success and failure that nobody said: receipts and facts count only from who may speak them. */
import { generateSigner, signFact, signReceipt, uuidBytes, uuidText } from '@claudemesh/crypto'
import {
  type DeliveredEnvelope,
  type Fact,
  type Receipt,
  receipt as receiptSchema,
} from '@claudemesh/protocol'
import { z } from 'zod'
import { forge } from '../forge.ts'
import type { Person } from '../people.ts'
import type { Attack, Stage } from '../stage.ts'

/** Alice's message to Bob, which the broker has and Bob never gets. */
async function swallowed(stage: Stage) {
  const [alice, bob, mallory] = (await stage.mesh('Bob', 'Mallory')) as [Person, Person, Person]
  const held: DeliveredEnvelope[] = []
  stage.broker.lie = {
    fromBroker(frame, { member }) {
      if (frame.type !== 'deliver' || member !== bob.key) return undefined
      held.push(...frame.deliveries.map(({ envelope }) => envelope))
      return []
    },
  }
  const msg = await alice.send([bob.recipient], 'as written')
  await stage.until('the broker has it', () => held.length > 0 && alice.stateOf(msg) === 'accepted')
  stage.broker.lie = {}
  return { alice, bob, mallory, msg, id: held[0]!.header.id, envelope: held[0]! }
}

type Scene = Awaited<ReturnType<typeof swallowed>>
const receiptOf = (
  { alice, bob, msg, id }: Scene,
  signer = bob.identity.member,
  more: Partial<Receipt> = {},
): Receipt =>
  signReceipt(
    {
      mesh: alice.identity.mesh,
      from: bob.recipient,
      to: alice.recipient,
      state: 'delivered',
      why: '',
      items: [{ id: uuidText(id), msg }],
      at: Date.now(),
      ...more,
    },
    signer,
  )
const payloadOf = (receipt: Receipt): unknown => z.encode(receiptSchema, receipt)

/** A receipt inside an envelope of Mallory's, who is a member and may write to Alice. */
const fromMallory = (name: string, make: (scene: Scene) => Receipt): Attack => ({
  name,
  seen: ['receipt.refused', 'accepted'],
  async run(stage) {
    const scene = await swallowed(stage)
    const { alice, mallory, msg } = scene
    const envelope = forge(mallory, alice, { kind: 'receipt', payload: payloadOf(make(scene)), pairSeq: 0 })
    await stage.broker.deliver(alice.recipient, envelope)
    return [...alice.log.map(({ event }) => event).filter(isReceipt), alice.stateOf(msg)]
  },
})
const isReceipt = (event: string): boolean => event.startsWith('receipt.') || event === 'fact.refused'

const factOf = ({ alice, bob, id }: Scene, more: Partial<Fact> = {}): Omit<Fact, 'signature'> => ({
  mesh: alice.identity.mesh,
  kind: 'expired',
  why: 'ttl',
  id,
  from: alice.recipient,
  to: bob.recipient,
  at: Date.now() + END_MS,
  ...more,
})
/** Alice's messages have ended after it. */
const END_MS = 86_401_000
/** A fact in Alice's own queue. */
const fact = (
  name: string,
  seen: string[],
  make: (scene: Scene, stage: Stage) => Fact,
  shiftMs = END_MS,
): Attack => ({
  name,
  seen,
  async run(stage) {
    const scene = await swallowed(stage)
    scene.alice.shiftMs = shiftMs
    await stage.broker.deliver(scene.alice.recipient, make(scene, stage))
    return [...scene.alice.log.map(({ event }) => event).filter(isReceipt), scene.alice.stateOf(scene.msg)]
  },
})

export const OUTCOME_ATTACKS: readonly Attack[] = [
  {
    name: 'a broker swallows a message after it said accepted',
    seen: ['accepted', 'false'],
    async run(stage) {
      const { alice, msg } = await swallowed(stage)
      return [alice.stateOf(msg), String(alice.client.trace(msg).some(({ state }) => state === 'delivered'))]
    },
  },
  {
    name: 'a broker makes up a receipt in the name of who never got the message',
    seen: ['signature', 'accepted'],
    async run(stage) {
      const scene = await swallowed(stage)
      const { alice, bob, msg } = scene
      const payload = payloadOf(receiptOf(scene, stage.broker.key))
      const envelope = forge(bob, alice, { kind: 'receipt', payload, pairSeq: 0, signer: stage.broker.key })
      await stage.broker.deliver(alice.recipient, envelope)
      return [...alice.unopened(), alice.stateOf(msg)]
    },
  },
  {
    name: 'a broker shows the receipt of an older message again',
    seen: ['delivered', 'accepted'],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      const receipts: DeliveredEnvelope[] = []
      stage.broker.lie = {
        fromBroker(frame, { member }) {
          if (frame.type !== 'deliver') return undefined
          if (member === bob.key) return receipts.length > 0 ? [] : undefined
          receipts.push(...frame.deliveries.map(({ envelope }) => envelope))
          return undefined
        },
      }
      const first = await alice.send([bob.recipient], 'one')
      await stage.until('the first is delivered', () => alice.stateOf(first) === 'delivered')
      const second = await alice.send([bob.recipient], 'two')
      await stage.until('the second is accepted', () => alice.stateOf(second) === 'accepted')
      await stage.broker.deliver(alice.recipient, receipts[0]!, receipts[0]!)
      return [alice.stateOf(first), alice.stateOf(second)]
    },
  },
  {
    name: 'a member says that a message for somebody else was delivered to it',
    seen: ['receipt.stray', 'accepted'],
    async run(stage) {
      const scene = await swallowed(stage)
      const { alice, mallory, msg } = scene
      const own = receiptOf(scene, mallory.identity.member, { from: mallory.recipient })
      const envelope = forge(mallory, alice, { kind: 'receipt', payload: payloadOf(own), pairSeq: 0 })
      await stage.broker.deliver(alice.recipient, envelope)
      return [...alice.log.map(({ event }) => event).filter(isReceipt), alice.stateOf(msg)]
    },
  },
  fromMallory('a member passes on a receipt that the recipient signed for somebody else', scene =>
    receiptOf(scene, scene.bob.identity.member),
  ),
  fromMallory('a member signs a receipt in the name of the recipient', scene =>
    receiptOf(scene, scene.mallory.identity.member),
  ),
  fromMallory('a member turns a receipt of another mesh to this one', scene =>
    receiptOf(scene, scene.mallory.identity.member, {
      from: scene.mallory.recipient,
      mesh: new Uint8Array(32),
    }),
  ),
  {
    name: 'a member says delivered with the id of one message and the name of another',
    seen: ['receipt.stray', 'accepted'],
    async run(stage) {
      const scene = await swallowed(stage)
      const { alice, bob, msg, id } = scene
      const other = uuidText(uuidBytes(msg).fill(7, 10))
      const own = receiptOf(scene, bob.identity.member, { items: [{ id: uuidText(id), msg: other }] })
      const envelope = forge(bob, alice, { kind: 'receipt', payload: payloadOf(own), pairSeq: 0 })
      await stage.broker.deliver(alice.recipient, envelope)
      return [...alice.log.map(({ event }) => event).filter(isReceipt), alice.stateOf(msg)]
    },
  },
  fact('somebody who is not the broker signs that a message expired', ['fact.refused', 'accepted'], scene =>
    signFact(factOf(scene), generateSigner()),
  ),
  fact(
    'a broker turns a fact of another mesh to this one',
    ['fact.refused', 'accepted'],
    (scene, { broker }) => signFact(factOf(scene, { mesh: new Uint8Array(32) }), broker.key),
  ),
  fact('a broker tells of the end of a message that was never sealed', ['accepted'], (scene, { broker }) =>
    signFact(factOf(scene, { id: scene.id.slice().fill(7, 10) }), broker.key),
  ),
  fact('a broker tells of the end for somebody it was never for', ['accepted'], (scene, { broker }) =>
    signFact(factOf(scene, { to: scene.mallory.recipient }), broker.key),
  ),
  fact(
    'a broker changes the date of a fact it signed',
    ['fact.refused', 'accepted'],
    (scene, { broker }) => ({
      ...signFact(factOf(scene), broker.key),
      at: Date.now() - 86_400_000,
    }),
  ),
  fact(
    'a broker signs that a message expired before its end',
    ['fact.refused', 'accepted'],
    (scene, { broker }) => signFact(factOf(scene, { at: Date.now() }), broker.key),
    0,
  ),
  fact(
    'a broker signs with a date of tomorrow that a message expired',
    ['fact.refused', 'accepted'],
    (scene, { broker }) => signFact(factOf(scene), broker.key),
    0,
  ),
  fact(
    'a broker signs that a message was dropped with somebody who was never removed',
    ['fact.refused', 'accepted'],
    (scene, { broker }) => signFact(factOf(scene, { kind: 'dropped', why: 'removed' }), broker.key),
  ),
]
