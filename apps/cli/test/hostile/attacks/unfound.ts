/** What is not promised: these lies are believed, and the threat model says so. */
import { toBase64url } from '@claudemesh/protocol'
import { forge } from '../forge.ts'
import type { Person } from '../people.ts'
import type { Attack } from '../stage.ts'

export const UNFOUND: readonly Attack[] = [
  {
    name: 'a member tells two people two things under one name',
    seen: ['yes', 'no', 'one name'],
    async run({ mesh, broker }) {
      const [, bob, carol, mallory] = (await mesh('Bob', 'Carol', 'Mallory')) as [
        Person,
        Person,
        Person,
        Person,
      ]
      const msg = crypto.randomUUID()
      for (const [to, text] of [
        [bob, 'yes'],
        [carol, 'no'],
      ] as const)
        await broker.deliver(
          to.recipient,
          forge(mallory, to, { payload: { text, replyTo: null, threadId: null }, plaintext: { msg } }),
        )
      const names = [bob, carol].map(({ client }) => client.inbox({ uuid: null })[0]?.msg)
      return [...bob.texts(), ...carol.texts(), names.every(name => name === msg) ? 'one name' : 'two names']
    },
  },
  {
    name: 'a broker says that somebody is away who is there, and leaves out a session',
    seen: ['away', 'one of two sessions'],
    async run({ mesh, broker, until }) {
      const [alice, bob] = (await mesh('Bob')) as [Person, Person]
      const [shown, hidden] = [await bob.open('shown'), await bob.open('hidden')]
      await until('both are seen', () => alice.client.peers().length === 2)
      await alice.client.stop()
      broker.lie = {
        fromBroker: frame =>
          frame.type === 'directory'
            ? [
                {
                  ...frame,
                  entries: frame.entries
                    .filter(({ certificate }) => certificate.uuid !== hidden.uuid)
                    .map(entry => ({ ...entry, lease: 'away' as const })),
                },
              ]
            : undefined,
      }
      await alice.start()
      const peers = alice.client.peers()
      const online = peers.filter(({ lease }) => lease !== 'offline')
      return [
        peers.find(({ uuid }) => uuid === shown.uuid)?.lease ?? 'nobody',
        online.length === 1 ? 'one of two sessions' : `${online.length} sessions`,
      ]
    },
  },
  {
    name: 'a broker notes who writes to whom, when, how much and how urgently',
    seen: ['from Alice', 'to Bob', 'a padded size', 'next'],
    async run({ mesh, broker, until, struck }) {
      const [alice, bob] = (await mesh('Bob')) as [Person, Person]
      const msg = await alice.send([bob.recipient], 'hello')
      await until('it is delivered', () => alice.stateOf(msg) === 'delivered')
      struck()
      const { header } = broker.sent.find(({ header: { priority } }) => priority === 'next')!
      const name = (key: Uint8Array) => (toBase64url(key) === alice.key ? 'Alice' : 'Bob')
      return [
        `from ${name(header.from.member)}`,
        `to ${name(header.to[0]!.recipient.member)}`,
        header.size % 256 === 0 ? 'a padded size' : 'the size of the text',
        header.priority,
      ]
    },
  },
]
