/** What a broker can do to whoever needs it, told as what it is: its word alone. */
import { type AcceptedFrame, CLOSE } from '@claudemesh/protocol'
import { headOf } from '../forge.ts'
import type { Person } from '../people.ts'
import type { Attack } from '../stage.ts'

export const DENIAL_ATTACKS: readonly Attack[] = [
  {
    name: 'another key answers where the broker was',
    seen: ['stopped integrity: the roster names another broker key than the one that answers', 'pending'],
    async run({ mesh, broker, until }) {
      const [alice, bob] = (await mesh('Bob')) as [Person, Person]
      const { rosterSeq } = bob.client.view()
      const entries = bob.store.roster.entries().length
      await bob.client.stop()
      broker.lie = {
        fromBroker(frame, { member }) {
          if (frame.type === 'challenge') return [{ ...frame, brokerKey: new Uint8Array(32).fill(7) }]
          return member === bob.key && frame.type === 'error' ? [] : undefined
        },
        fromClient(frame, seat) {
          if (seat.member !== bob.key || frame.type !== 'hello') return undefined
          const limits = { frameBytes: 1, bodyBytes: 1, recipientsPerEnvelope: 1, ttlMs: 1 }
          seat.say({
            type: 'welcome',
            ...(frame.ref ? { ref: frame.ref } : {}),
            mesh: bob.identity.mesh,
            limits: { ...limits, windowEnvelopes: 1, windowBytes: 1 },
            rosterSeq,
            rosterHead: headOf(bob, entries - 1),
            checkpoint: null,
            leaseMs: 1,
            time: Date.now(),
          })
          return []
        },
      }
      await bob.start()
      await until('Bob stopped', () => bob.client.state === 'stopped')
      const msg = await bob.send([alice.recipient], 'not to be sealed')
      return [bob.standing, bob.stateOf(msg)]
    },
  },
  {
    name: 'a broker welcomes into another mesh',
    seen: ['stopped integrity: the broker welcomed into another mesh'],
    async run({ mesh, broker, until }) {
      const [, bob] = (await mesh('Bob')) as [Person, Person]
      await bob.client.stop()
      broker.lie = {
        fromBroker: frame =>
          frame.type === 'welcome' ? [{ ...frame, mesh: new Uint8Array(32) }] : undefined,
      }
      await bob.start()
      await until('Bob stopped', () => bob.client.state === 'stopped')
      return [bob.standing]
    },
  },
  {
    name: 'a broker says of a standing member that it was removed',
    seen: ['removed removed: the broker says that this member was removed from the mesh', '2'],
    async run({ mesh, broker, until }) {
      const [, bob] = (await mesh('Bob')) as [Person, Person]
      broker.seatOf(bob.recipient).close(CLOSE.removed.code, CLOSE.removed.reason)
      await until('Bob heard it', () => bob.client.state === 'removed')
      return [bob.standing, String(bob.client.view().members)]
    },
  },
  {
    name: 'a broker says of a standing recipient that it was removed',
    seen: ['removed', 'broker', 'not verified'],
    async run({ mesh, broker, until }) {
      const [alice, bob] = (await mesh('Bob')) as [Person, Person]
      broker.lie = {
        fromBroker: frame => (frame.type === 'accepted' ? [withoutRecipients(frame)] : undefined),
      }
      const msg = await alice.send([bob.recipient], 'as written')
      await until('it ended', () => alice.stateOf(msg) === 'removed')
      const last = alice.client.trace(msg).at(-1)!
      return [last.state, String(last.by), last.verified ? 'verified' : 'not verified']
    },
  },
  {
    name: 'a broker asks a client to stay away for a thousand years',
    seen: ['rate 600000'],
    async run({ mesh, broker, until }) {
      const [, bob] = (await mesh('Bob')) as [Person, Person]
      await bob.client.stop()
      const forEver = { code: 'rate', message: 'never', retryAfterMs: 8_640_000_000_000_000 } as const
      broker.lie = {
        fromBroker: frame =>
          frame.type === 'welcome'
            ? [{ type: 'error', ...forEver, ...(frame.ref ? { ref: frame.ref } : {}) }]
            : undefined,
      }
      bob.log.length = 0
      await bob.start()
      await until('it was asked', () => bob.log.some(({ event }) => event === 'link.down'))
      const { facts } = bob.log.find(({ event }) => event === 'link.down')!
      return [`${facts.code} ${facts.retryMs}`]
    },
  },
  {
    name: 'a broker turns its clock back by an hour',
    seen: ["this clock and the broker's are 3600 s apart"],
    async run({ mesh, broker, until }) {
      const [, bob] = (await mesh('Bob')) as [Person, Person]
      await bob.client.stop()
      broker.lie = {
        fromBroker: frame =>
          frame.type === 'welcome' ? [{ ...frame, time: Math.round(Date.now() - 3_600_000) }] : undefined,
      }
      await bob.start()
      await until('it is told', () => bob.client.view().problems.length > 0)
      return bob.client.view().problems.map(({ message }) => message)
    },
  },
  {
    name: 'a broker gives a session to nobody and says another machine has it',
    seen: ['another daemon with the same keys has taken this session over', 'pending replaced'],
    async run({ mesh, broker, until }) {
      const [alice, bob] = (await mesh('Bob')) as [Person, Person]
      const api = await bob.open('api')
      let attachment = 0
      broker.lie = {
        fromBroker(frame) {
          if (frame.type === 'attached') attachment = frame.attachment
          return undefined
        },
      }
      await bob.client.stop()
      await bob.start()
      await until('it is attached', () => attachment > 0 && bob.client.attached(api.uuid))
      for (let number = 0; number <= attachment; number++)
        broker.seatOf(api.recipient).say({ type: 'replaced', recipient: api.recipient, attachment: number })
      await until('it gave way', () => !bob.client.attached(api.uuid))
      const msg = await bob.send([alice.recipient], 'waits', api.uuid)
      await until('the message says why it waits', () => bob.stateOf(msg) !== 'pending')
      return [...bob.client.view().problems.map(({ message }) => message), bob.stateOf(msg)]
    },
  },
]

const withoutRecipients = (frame: AcceptedFrame): AcceptedFrame => ({
  ...frame,
  results: frame.results.map(result => ({
    ...result,
    recipients: result.recipients.map(() => 'removed' as const),
  })),
})
