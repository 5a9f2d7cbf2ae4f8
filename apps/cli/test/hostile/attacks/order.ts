/** Mail that is repeated, shuffled, held back or cut off: shown once, in order, and what is missing is said. */
import { type DeliveredEnvelope, type DeliverFrame, encodeFrame } from '@claudemesh/protocol'
import type { Person } from '../people.ts'
import type { Attack, Stage } from '../stage.ts'

/** What of Alice's mail to Bob the broker gathers instead of handing it over. */
async function gathered(
  stage: Stage,
  count: number,
): Promise<{ alice: Person; bob: Person; msgs: string[]; held: DeliveredEnvelope[] }> {
  const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
  const held: DeliveredEnvelope[] = []
  stage.broker.lie = {
    fromBroker(frame, { member }) {
      if (frame.type !== 'deliver' || member !== bob.key) return undefined
      held.push(...frame.deliveries.map(({ envelope }) => envelope))
      return []
    },
  }
  const msgs = await Promise.all(
    Array.from({ length: count }, (_, i) => alice.send([bob.recipient], `number ${i + 1}`)),
  )
  await stage.until('the broker holds all of it', () => held.length === count)
  return { alice, bob, msgs, held }
}
/** Every 5 s of waiting behind a gap pass at once, from the next start on. */
async function hurried(bob: Person): Promise<void> {
  bob.rushed.add(5_000)
  await bob.client.stop()
  await bob.start()
}
const marks = (bob: Person): string[] =>
  bob.client
    .inbox({ uuid: null })
    .map(
      ({ payload, gap, late }) =>
        `${(payload as { text: string }).text}${gap ? ', some before it missing' : ''}${late ? ', late' : ''}`,
    )

export const ORDER_ATTACKS: readonly Attack[] = [
  {
    name: 'a broker hands over the same message three times',
    seen: ['number 1'],
    async run(stage) {
      const { bob, held } = await gathered(stage, 1)
      await stage.broker.deliver(bob.recipient, held[0]!, held[0]!, held[0]!)
      return bob.texts()
    },
  },
  {
    name: 'a broker hands over the same message twice in one frame',
    seen: ['number 1'],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      stage.broker.lie = {
        fromBroker: frame =>
          frame.type === 'deliver' && frame.recipient.session === null
            ? [{ ...frame, deliveries: frame.deliveries.flatMap(one => [one, one]) }]
            : undefined,
      }
      const msg = await alice.send([bob.recipient], 'number 1')
      await stage.until('it is delivered', () => alice.stateOf(msg) === 'delivered')
      return bob.texts()
    },
  },
  {
    name: 'a broker replays a message to a machine that was started again',
    seen: ['number 1'],
    async run(stage) {
      const { bob, held } = await gathered(stage, 1)
      await stage.broker.deliver(bob.recipient, held[0]!)
      await bob.client.stop()
      await bob.start()
      await stage.broker.deliver(bob.recipient, held[0]!)
      return bob.texts()
    },
  },
  {
    name: 'a broker hands messages over in another order',
    seen: ['number 1', 'number 2', 'number 3'],
    async run(stage) {
      const { bob, held } = await gathered(stage, 3)
      await stage.broker.deliver(bob.recipient, held[2]!, held[0]!, held[1]!)
      return bob.texts()
    },
  },
  {
    name: 'a broker holds back the message in the middle',
    seen: ['number 1', 'number 3, some before it missing'],
    async run(stage) {
      const { bob, held } = await gathered(stage, 3)
      await stage.broker.deliver(bob.recipient, held[0]!, held[2]!)
      if (bob.texts().length !== 1) return bob.texts()
      await hurried(bob)
      await stage.until('the gap is given up', () => bob.texts().length === 2)
      return marks(bob)
    },
  },
  {
    name: 'a broker hands over late what it held back',
    seen: ['number 1', 'number 3, some before it missing', 'number 2, late'],
    async run(stage) {
      const { bob, held } = await gathered(stage, 3)
      await stage.broker.deliver(bob.recipient, held[0]!, held[2]!)
      await hurried(bob)
      await stage.until('the gap is given up', () => bob.texts().length === 2)
      await stage.broker.deliver(bob.recipient, held[1]!)
      return marks(bob)
    },
  },
  {
    name: 'a broker cuts off the newest messages and says it has them',
    seen: ['delivered', 'accepted', 'accepted'],
    async run(stage) {
      const { alice, bob, msgs, held } = await gathered(stage, 3)
      await stage.broker.deliver(bob.recipient, held[0]!)
      await stage.until('the first is delivered', () => alice.stateOf(msgs[0]!) === 'delivered')
      return msgs.map(msg => alice.stateOf(msg))
    },
  },
  {
    name: 'a broker hands over a message days after its end',
    seen: ['time', 'refused time'],
    async run(stage) {
      const { alice, bob, msgs, held } = await gathered(stage, 1)
      bob.shiftMs = 3 * 86_400_000
      await stage.broker.deliver(bob.recipient, held[0]!)
      bob.shiftMs = 0
      await stage.until('the sender hears of it', () => alice.stateOf(msgs[0]!).startsWith('refused'))
      return [...bob.unopened(), ...bob.texts(), alice.stateOf(msgs[0]!)]
    },
  },
  {
    name: 'a broker hands over mail of a later version of the format',
    seen: ['bad-frame', 'number 1'],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      let lied = false
      stage.broker.lie = {
        fromBroker(frame) {
          if (frame.type !== 'deliver' || lied) return undefined
          lied = true
          return [laterVersion(frame)]
        },
      }
      const msg = await alice.send([bob.recipient], 'number 1')
      await stage.until('it is delivered all the same', () => alice.stateOf(msg) === 'delivered')
      const [down] = bob.log.filter(({ event }) => event === 'link.down')
      return [String(down?.facts.code), ...bob.texts()]
    },
  },
]

/** The frame as it was, but for the version in its head. */
function laterVersion(frame: DeliverFrame): Uint8Array {
  const bytes = encodeFrame(frame).slice()
  bytes[1] = 2
  return bytes
}
