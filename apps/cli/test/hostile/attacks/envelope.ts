/** Envelopes that a lying broker changes on their way: refused at the step that finds it, sealed again by their sender, and read as they were written. */

import { slotHash, uuidv7 } from '@claudemesh/crypto'
import { openerId } from '@claudemesh/crypto/sealing'
import {
  concatBytes,
  type DeliveredEnvelope,
  type EnvelopeHeader,
  type EnvelopeTo,
  toBase64url,
} from '@claudemesh/protocol'
import type { Person } from '../people.ts'
import type { Attack, Stage } from '../stage.ts'

type Change = (one: DeliveredEnvelope, cast: { mallory: Person; bob: Person }) => DeliveredEnvelope

const flip = (bytes: Uint8Array, at = 0): Uint8Array => {
  const changed = bytes.slice()
  changed[at]! ^= 1
  return changed
}
const withHeader = (one: DeliveredEnvelope, header: Partial<EnvelopeHeader>): DeliveredEnvelope => ({
  ...one,
  header: { ...one.header, ...header },
})
const withMine = (one: DeliveredEnvelope, change: Partial<EnvelopeTo>): DeliveredEnvelope =>
  withHeader(one, { to: [{ ...one.header.to[0]!, ...change }, ...one.header.to.slice(1)] })
const withSlot = (one: DeliveredEnvelope, slot: Uint8Array): DeliveredEnvelope => ({
  ...withMine(one, { slotHash: slotHash(slot) }),
  slot,
})

/** Alice writes; the broker changes what Bob is first handed. */
async function changed(stage: Stage, change: Change, answered: boolean): Promise<string[]> {
  const [alice, bob, mallory] = (await stage.mesh('Bob', 'Mallory')) as [Person, Person, Person]
  let lied = false
  stage.broker.lie = {
    fromBroker(frame, { member }) {
      if (lied || frame.type !== 'deliver' || member !== bob.key) return undefined
      lied = true
      const [first, ...rest] = frame.deliveries
      const envelope = change(first!.envelope, { mallory, bob })
      return [{ ...frame, deliveries: [{ ...first!, envelope }, ...rest] }]
    },
  }
  const msg = await alice.send([bob.recipient], 'as written')
  await stage.until('the envelope was refused', () => bob.unopened().length > 0)
  const end = answered ? 'delivered' : 'accepted'
  await stage.until(`the message is ${end}`, () => alice.stateOf(msg) === end)
  return [...bob.unopened(), ...bob.texts(), alice.stateOf(msg)]
}

/** Found at `step`; the sender hears of it and seals again. */
const attack = (name: string, step: string, change: Change): Attack => ({
  name,
  seen: [step, 'as written', 'delivered'],
  run: stage => changed(stage, change, true),
})
/** Found at `step`; whom it came from cannot be told, and so never says `delivered`. */
const lost = (name: string, step: string, change: Change): Attack => ({
  name,
  seen: [step, 'accepted'],
  run: stage => changed(stage, change, false),
})

export const ENVELOPE_ATTACKS: readonly Attack[] = [
  attack('a broker changes one bit of a body', 'body', one => ({ ...one, body: flip(one.body, 40) })),
  attack('a broker cuts a body to the next smaller size', 'body', one => {
    const body = one.body.slice(0, one.body.length / 2)
    return { ...withHeader(one, { size: body.length }), body }
  }),
  attack('a broker cuts one byte off a body', 'header', one => {
    const body = one.body.slice(0, -1)
    return { ...withHeader(one, { size: body.length }), body }
  }),
  attack('a broker raises the priority of a message', 'body', one => withHeader(one, { priority: 'now' })),
  attack('a broker lengthens the life of a message', 'body', one =>
    withHeader(one, { ttl: one.header.ttl + 1 }),
  ),
  attack('a broker back-dates a message', 'header', one =>
    withHeader(one, { sentAt: one.header.sentAt - 3_600_000 }),
  ),
  lost('a broker back-dates a message and the id with it', 'commit', one => {
    const sentAt = one.header.sentAt - 3_600_000
    return withHeader(one, { sentAt, id: uuidv7(sentAt) })
  }),
  attack('a broker swaps the nonce', 'box', one => withHeader(one, { nonce: flip(one.header.nonce) })),
  attack('a broker swaps the commitment to the content key', 'commit', one =>
    withHeader(one, { commit: flip(one.header.commit) }),
  ),
  attack('a broker changes a slot', 'slot', one => ({ ...one, slot: flip(one.slot, one.slot.length - 1) })),
  attack('a broker changes a slot and the hash of it', 'box', one =>
    withSlot(one, flip(one.slot, one.slot.length - 1)),
  ),
  attack('a broker swaps the opener for one that was never sent', 'opener', one =>
    withSlot(one, concatBytes(openerId(flip(one.slot.slice(0, 1152))), one.slot.slice(-64))),
  ),
  attack('a broker takes the post-quantum half out of an opener', 'integrity', one =>
    withSlot(one, concatBytes(one.slot.slice(0, 32), new Uint8Array(1120), one.slot.slice(-64))),
  ),
  attack('a broker changes the post-quantum half of an opener', 'box', one =>
    withSlot(one, flip(one.slot, 40)),
  ),
  attack('a broker names another prekey', 'prekey', one => withMine(one, { prekeyId: new Uint8Array(16) })),
  lost('a broker redirects a message that was for somebody else', 'to', (one, { mallory }) =>
    withMine(one, { recipient: mallory.recipient }),
  ),
  attack('a broker adds a recipient to the list', 'body', (one, { mallory }) =>
    withHeader(one, {
      to: [one.header.to[0]!, { ...one.header.to[0]!, recipient: mallory.recipient }].toSorted((a, b) =>
        Buffer.compare(a.recipient.member, b.recipient.member),
      ),
    }),
  ),
  lost('a broker says that another member sent it', 'box', (one, { mallory }) =>
    withHeader(one, { from: mallory.recipient }),
  ),
  lost('a broker says that a stranger sent it', 'member', one =>
    withHeader(one, { from: { member: flip(one.header.from.member), session: null } }),
  ),
  lost('a broker moves a message into another mesh', 'mesh', one =>
    withHeader(one, { mesh: flip(one.header.mesh) }),
  ),
  {
    name: 'a broker puts the body of one message into another',
    seen: ['body', 'one', 'two'],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      let first: DeliveredEnvelope | undefined
      let lied = false
      stage.broker.lie = {
        fromBroker(frame, { member }) {
          if (frame.type !== 'deliver' || member !== bob.key || lied) return undefined
          const { envelope } = frame.deliveries[0]!
          first ??= envelope
          if (Buffer.compare(envelope.header.id, first.header.id) === 0) return undefined
          lied = true
          // As long as the header says (one of them may carry a checkpoint): another length is refused by the codec.
          const body = new Uint8Array(envelope.header.size)
          body.set(first.body.subarray(0, body.length))
          return [{ ...frame, deliveries: [{ ...frame.deliveries[0]!, envelope: { ...envelope, body } }] }]
        },
      }
      await stage.until('the first is delivered', reaches(alice, await alice.send([bob.recipient], 'one')))
      await stage.until('the second is read', reaches(alice, await alice.send([bob.recipient], 'two')))
      return [...bob.unopened(), ...bob.texts()]
    },
  },
  {
    name: 'a broker hides from one recipient that another got it too',
    seen: ['body', 'as written'],
    async run(stage) {
      const [alice, bob, carol] = (await stage.mesh('Bob', 'Carol')) as [Person, Person, Person]
      let lied = false
      stage.broker.lie = {
        fromBroker(frame, { member }) {
          if (frame.type !== 'deliver' || member !== bob.key || lied) return undefined
          lied = true
          const { envelope } = frame.deliveries[0]!
          const to = envelope.header.to.filter(one => toBase64url(one.recipient.member) === bob.key)
          return [
            { ...frame, deliveries: [{ ...frame.deliveries[0]!, envelope: withHeader(envelope, { to }) }] },
          ]
        },
      }
      const msg = await alice.send([bob.recipient, carol.recipient], 'as written')
      await stage.until('both have it', () => [0, 1].every(at => alice.stateOf(msg, at) === 'delivered'))
      return [...bob.unopened(), ...bob.texts()]
    },
  },
  {
    name: 'a broker hands a message to somebody it was not for',
    seen: ['to', 'accepted'],
    async run(stage) {
      const [alice, bob, carol] = (await stage.mesh('Bob', 'Carol')) as [Person, Person, Person]
      stage.broker.lie = {
        fromBroker(frame, { member }) {
          if (frame.type !== 'deliver' || member !== bob.key) return undefined
          void stage.broker.deliver(carol.recipient, ...frame.deliveries.map(({ envelope }) => envelope))
          return []
        },
      }
      const msg = await alice.send([bob.recipient], 'as written')
      await stage.until('Carol refused it', () => carol.unopened().length > 0)
      await stage.until('it was accepted', () => alice.stateOf(msg) === 'accepted')
      return [...carol.unopened(), ...carol.texts(), alice.stateOf(msg)]
    },
  },
]

const reaches =
  (from: Person, msg: string): (() => boolean) =>
  () =>
    from.stateOf(msg) === 'delivered'
