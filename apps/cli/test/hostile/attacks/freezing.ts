/** A roster that stands still for one victim, or goes two ways: found by what honest members say, and proven by what the broker signed. */
import { rosterEntryHash, signCheckpoint, signRosterEntry } from '@claudemesh/crypto'
import type { RosterEntry } from '@claudemesh/protocol'
import { entriesOf, forge } from '../forge.ts'
import { invite, type Person } from '../people.ts'
import type { Attack, Stage } from '../stage.ts'
import { fakes } from './invite.ts'

/** From now on this person is served these entries as all there are. */
function frozen(stage: Stage, shown: ReadonlyMap<Person, readonly RosterEntry[]>): void {
  const victim = (member: string) => [...shown].find(([person]) => person.key === member)
  stage.broker.lie = {
    fromBroker(frame, { member }) {
      const [person, entries] = victim(member) ?? []
      if (!person || !entries) return undefined
      const [head, headSeq] = [rosterEntryHash(entries.at(-1)!), entries.length - 1]
      if (frame.type === 'roster.changed') return []
      if (frame.type === 'welcome')
        return [
          {
            ...frame,
            rosterSeq: headSeq,
            rosterHead: head,
            checkpoint: person.client.auditHead()?.note ?? null,
          },
        ]
      if (frame.type === 'checkpoint') return []
      if (frame.type !== 'roster') return undefined
      const rest = entries.slice(person.client.view().rosterSeq + 1)
      return [{ ...frame, entries: rest, head, headSeq, copies: [] }]
    },
  }
}
/** As the broker would sign it for this head. */
const signed = (stage: Stage, person: Person, seq: number, head: Uint8Array): string =>
  signCheckpoint(
    {
      mesh: person.identity.mesh,
      // Longer than anybody's log here: else its root may give the broker away before the roster does.
      size: 1000,
      root: new Uint8Array(32).fill(1),
      rosterSeq: seq,
      rosterHead: head,
    },
    stage.broker.key,
  )

/** Mallory is removed; Bob is kept from hearing of it. */
async function kept(stage: Stage) {
  const [alice, bob, mallory] = (await stage.mesh('Bob', 'Mallory')) as [Person, Person, Person]
  const before = entriesOf(bob)
  frozen(stage, new Map([[bob, before]]))
  await alice.client.remove(mallory.identity.member.publicKey)
  return { alice, bob, mallory, before }
}
const codes = (person: Person): string[] => person.client.view().problems.map(({ code }) => code)
const payload = { text: 'honest words', replyTo: null, threadId: null }

/** Alice carries a head that the broker signed after the removal. */
async function carried(stage: Stage, { alice, bob }: { alice: Person; bob: Person }): Promise<void> {
  const { rosterSeq } = alice.client.view()
  await stage.until(
    'the broker signed it',
    () => (alice.client.auditHead()?.checkpoint.rosterSeq ?? 0) >= rosterSeq,
  )
  await alice.send([bob.recipient], 'honest words')
}
const HELD_BACK =
  'stopped integrity: the broker holds back roster entries that it signed: up to n, of which n came'

export const FREEZING_ATTACKS: readonly Attack[] = [
  {
    name: 'a broker keeps somebody who was removed, for one victim: a message of another member shows it',
    seen: ['honest words', 'roster-awaited', 'pending', '0'],
    async run(stage) {
      const { alice, bob, mallory } = await kept(stage)
      await carried(stage, { alice, bob })
      await stage.until('Bob heard of a longer roster', () => codes(bob).includes('roster-awaited'))
      const sent = stage.broker.sent.length
      const msg = await bob.send([mallory.recipient], 'not to who was removed')
      await stage.until('he has it', () => bob.texts().length > 0)
      const sealed = stage.broker.sent.slice(sent).filter(({ header }) => header.priority === 'next')
      return [...bob.texts(), 'roster-awaited', bob.stateOf(msg), String(sealed.length)]
    },
  },
  {
    name: 'a broker holds back roster entries that it signed',
    seen: [HELD_BACK, 'pending'],
    async run(stage) {
      const { alice, bob, mallory } = await kept(stage)
      bob.rushed.add(5_000)
      await bob.client.stop()
      await bob.start()
      await carried(stage, { alice, bob })
      await stage.until('Bob stopped', () => bob.client.state === 'stopped')
      const msg = await bob.send([mallory.recipient], 'not to who was removed')
      return [bob.standing.replaceAll(/\d+/g, 'n'), bob.stateOf(msg)]
    },
  },
  {
    name: 'a frozen victim starts again and still seals nothing',
    seen: [HELD_BACK, 'pending'],
    async run(stage) {
      const { alice, bob, mallory } = await kept(stage)
      bob.rushed.add(5_000)
      await bob.client.stop()
      await bob.start()
      await carried(stage, { alice, bob })
      await stage.until('Bob stopped', () => bob.client.state === 'stopped')
      await bob.client.stop()
      await bob.start()
      const msg = await bob.send([mallory.recipient], 'not to who was removed')
      await stage.until('Bob stopped again', () => bob.client.state === 'stopped')
      return [bob.standing.replaceAll(/\d+/g, 'n'), bob.stateOf(msg)]
    },
  },
  {
    name: 'a broker signs another roster head than the one it showed',
    seen: [
      'stopped integrity: the broker signed another history of the roster than the one it showed here (entry 2)',
    ],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      const checkpoint = signed(stage, alice, 2, new Uint8Array(32).fill(2))
      await stage.broker.deliver(bob.recipient, forge(alice, bob, { payload, plaintext: { checkpoint } }))
      await stage.until('Bob stopped', () => bob.client.state === 'stopped')
      return [bob.standing]
    },
  },
  {
    name: 'a member makes up a checkpoint, to stop the mesh of another',
    seen: ['checkpoint.refused', 'online', 'delivered'],
    async run(stage) {
      const [alice, bob, mallory] = (await stage.mesh('Bob', 'Mallory')) as [Person, Person, Person]
      const { mesh, member } = mallory.identity
      const head = new Uint8Array(32).fill(3)
      const checkpoint = signCheckpoint({ mesh, size: 9, root: head, rosterSeq: 2, rosterHead: head }, member)
      await stage.broker.deliver(bob.recipient, forge(mallory, bob, { payload, plaintext: { checkpoint } }))
      const msg = await bob.send([alice.recipient], 'goes on')
      await stage.until('Alice has it', () => bob.stateOf(msg) === 'delivered')
      return [
        ...bob.log.map(({ event }) => event).filter(event => event === 'checkpoint.refused'),
        bob.client.state,
        bob.stateOf(msg),
      ]
    },
  },
  {
    name: 'an owner and a broker show two members two rosters, and the two talk',
    seen: ['honest words', 'roster-unproven', 'pending roster-unproven'],
    async run(stage) {
      const [alice, bob, carol] = (await stage.mesh('Bob', 'Carol')) as [Person, Person, Person]
      const before = entriesOf(alice)
      const author = alice.identity.member
      const fork = (host: string): RosterEntry =>
        signRosterEntry(
          {
            mesh: alice.identity.mesh,
            seq: before.length,
            prev: rosterEntryHash(before.at(-1)!),
            at: Date.now(),
            author: author.publicKey,
            kind: 'broker',
            body: { hosts: [stage.broker.host, host], key: stage.broker.key.publicKey, log: null },
          },
          author,
        )
      const [left, right] = [fork('left.example'), fork('right.example')]
      frozen(
        stage,
        new Map([
          [bob, [...before, left]],
          [carol, [...before, right]],
        ]),
      )
      for (const [who, entry] of [
        [bob, left],
        [carol, right],
      ] as const)
        stage.broker
          .seatOf(who.recipient)
          .say({ type: 'roster.changed', seq: entry.seq, head: rosterEntryHash(entry) })
      await stage.until('both took theirs', () =>
        [bob, carol].every(({ client }) => client.view().rosterSeq === before.length),
      )
      await carol.send([bob.recipient], 'honest words')
      await stage.until('Bob sees it', () => codes(bob).length > 0)
      const msg = await bob.send([carol.recipient], 'waits')
      await stage.until('it waits', () => bob.stateOf(msg) !== 'pending')
      return [...bob.texts(), ...codes(bob), bob.stateOf(msg)]
    },
  },
  {
    name: 'a broker gives a new member an old roster: its mail is refused by everybody who has the new one',
    seen: ['member', 'Bob: 2 members'],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      const link = await invite(alice)
      const old = entriesOf(alice)
      await invite(alice)
      await stage.until('Bob has the new one', () => bob.client.view().rosterSeq === old.length)
      fakes(stage, { mesh: alice.identity.mesh, entries: old })
      const carol = await stage.people.join(link, 'Carol')
      await stage.broker.deliver(bob.recipient, forge(carol, bob))
      return [...bob.unopened(), `Bob: ${bob.client.view().members} members`]
    },
  },
  {
    name: 'a broker cuts somebody off from everybody for half a day',
    seen: ['unconfirmed', 'online'],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      const msg = await alice.send([bob.recipient], 'the last word')
      await stage.until('Bob has it', () => alice.stateOf(msg) === 'delivered')
      stage.broker.lie = {
        fromBroker: (frame, { member }) =>
          member === bob.key && ['deliver', 'presence', 'roster.changed', 'checkpoint'].includes(frame.type)
            ? []
            : undefined,
      }
      await alice.send([bob.recipient], 'never comes')
      await stage.until('the broker holds it', () => stage.broker.told > 0)
      bob.shiftMs = 13 * 3_600_000
      const since = bob.client.view().unconfirmedSince
      return [since === null ? 'confirmed' : 'unconfirmed', bob.client.state]
    },
  },
]
