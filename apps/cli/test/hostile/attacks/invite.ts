/** Whoever follows an invite link: only the mesh that the link names is joined, by the broker that its roster names. */

import { previewInvite } from '@claudemesh/client'
import {
  formatInviteLink,
  generateSigner,
  parseInviteLink,
  rosterEntryHash,
  signJoin,
} from '@claudemesh/crypto'
import { deriveInviteKeys } from '@claudemesh/crypto/sealing'
import type { RosterEntry, RosterEntryOf } from '@claudemesh/protocol'
import { entriesOf } from '../forge.ts'
import type { FromBroker, Lie } from '../lying-broker.ts'
import { invite, type Person } from '../people.ts'
import { type Attack, refusal, type Stage } from '../stage.ts'

/** Every connection by an invite, or of this member, is answered by the relay itself: with this mesh and this chain. */
export function fakes(
  stage: Stage,
  shown: { mesh: Uint8Array; entries: readonly RosterEntry[] },
  victim = '',
): void {
  const { mesh, entries } = shown
  const last = entries.at(-1)!
  const head = rosterEntryHash(last)
  stage.broker.lie = {
    fromBroker: (frame, { member }) => (member === victim && frame.type === 'error' ? [] : undefined),
    fromClient(frame, seat) {
      if (seat.member !== victim) return undefined
      const ref = 'ref' in frame && frame.ref ? { ref: frame.ref } : {}
      if (frame.type === 'hello') {
        const limits = { frameBytes: 1, bodyBytes: 1, recipientsPerEnvelope: 1, ttlMs: 1 }
        seat.say({
          type: 'welcome',
          ...ref,
          mesh,
          limits: { ...limits, windowEnvelopes: 1, windowBytes: 1 },
          rosterSeq: last.seq,
          rosterHead: head,
          checkpoint: null,
          leaseMs: 1,
          time: Date.now(),
        })
      } else if (frame.type === 'roster.get') {
        const rest = entries.slice(frame.from)
        seat.say({ type: 'roster', ...ref, entries: rest, head, headSeq: last.seq, copies: [] })
      } else if (frame.type === 'roster.append') {
        const seq = frame.entry.seq
        seat.say({ type: 'appended', ...ref, seq, head: rosterEntryHash(frame.entry) })
      } else return undefined
      return []
    },
  }
}
const meshOf = (person: Person) => ({ mesh: person.identity.mesh, entries: entriesOf(person) })

/** Carol follows a real link of Alice's while the broker shows this. */
const followed = (
  name: string,
  seen: string,
  show: (alice: Person, stage: Stage) => { mesh: Uint8Array; entries: readonly RosterEntry[] },
  others: (stage: Stage) => Promise<unknown> = async () => {},
): Attack => ({
  name,
  seen,
  async run(stage) {
    const [alice] = (await stage.mesh('Bob')) as [Person]
    await others(stage)
    const link = await invite(alice)
    fakes(stage, show(alice, stage))
    return refusal(stage.people.join(link, 'Carol'))
  },
})

export const INVITE_ATTACKS: readonly Attack[] = [
  followed(
    'a broker puts a mesh of its own behind a real invite link',
    'integrity: the roster does not hold the invite of this link',
    (_, { people }) => meshOf(people.all.at(-1)!),
    async ({ people }) => {
      await invite(await people.found('Eve'))
    },
  ),
  followed(
    'a broker welcomes into one mesh and shows the roster of another',
    'integrity: roster: the chain does not begin this mesh',
    (alice, { people }) => ({ ...meshOf(people.all.at(-1)!), mesh: alice.identity.mesh }),
    async ({ people }) => {
      await people.found('Eve')
    },
  ),
  followed(
    'a broker shows a new member a roster without somebody who joined before',
    'integrity: roster: seq 3 is expected',
    alice => ({
      ...meshOf(alice),
      entries: entriesOf(alice).filter(({ kind }) => kind !== 'join'),
    }),
  ),
  followed(
    'a broker shows a new member a roster that ends before the invite',
    'integrity: the roster does not hold the invite of this link',
    alice => ({ ...meshOf(alice), entries: entriesOf(alice).slice(0, -1) }),
  ),
  followed(
    'a broker raises the role that an invite gives',
    'integrity: roster: the entry was not signed by its author',
    alice => {
      const entries = entriesOf(alice)
      const entry = entries.at(-1) as RosterEntryOf<'invite'>
      const changed = { ...entry, body: { ...entry.body, role: 'admin' as const } }
      return { ...meshOf(alice), entries: [...entries.slice(0, -1), changed] }
    },
  ),
  {
    name: 'another broker answers at the address of an invite link',
    seen: 'integrity: the roster names another broker key than the one that answers',
    async run(stage) {
      const [alice] = (await stage.mesh('Bob')) as [Person]
      const link = await invite(alice)
      fakes(stage, meshOf(alice))
      const { fromBroker } = stage.broker.lie
      const brokerKey = generateSigner().publicKey
      stage.broker.lie = {
        ...stage.broker.lie,
        fromBroker: (frame, seat) =>
          frame.type === 'challenge' ? [{ ...frame, brokerKey }] : fromBroker?.(frame, seat),
      }
      return refusal(stage.people.join(link, 'Carol'))
    },
  },
  {
    name: 'a link leads to an address that the mesh does not name',
    seen: 'integrity: the roster does not name the host of this link',
    async run(stage) {
      const [alice] = (await stage.mesh('Bob')) as [Person]
      const parsed = parseInviteLink(await invite(alice))
      fakes(stage, meshOf(alice))
      const host = stage.broker.host.replace('127.0.0.1', 'localhost')
      return refusal(stage.people.join(formatInviteLink({ ...parsed, host }), 'Carol'))
    },
  },
  {
    name: 'a link has the code of one mesh and the secret of another',
    seen: 'unauthenticated',
    async run(stage) {
      const [alice] = (await stage.mesh('Bob')) as [Person]
      const eve = await stage.people.found('Eve')
      const [mine, theirs] = [parseInviteLink(await invite(alice)), parseInviteLink(await invite(eve))]
      stage.struck()
      const link = formatInviteLink({ ...mine, code: theirs.code })
      return (await refusal(stage.people.join(link, 'Carol'))).split(':')[0]!
    },
  },
  {
    name: 'a broker turns its clock back for an invite that ran out',
    seen: 'expired',
    async run(stage) {
      const [alice] = (await stage.mesh('Bob')) as [Person]
      const link = await invite(alice)
      fakes(stage, meshOf(alice))
      return (await refusal(previewInvite({ link, now: () => Date.now() + 7_200_000 }))).split(':')[0]!
    },
  },
  {
    name: 'a broker takes a join and tells nobody',
    seen: ['offline unauthenticated', '2', 'unreachable'],
    async run(stage) {
      const [alice] = (await stage.mesh('Bob')) as [Person]
      const link = await invite(alice)
      fakes(stage, meshOf(alice))
      const carol = await stage.people.join(link, 'Carol')
      const asked = await refusal(carol.client.invite({ role: 'member', uses: 1, expiresMs: 1_000 }))
      return [
        `${carol.client.state} ${carol.client.why?.code}`,
        String(alice.client.view().members),
        asked.split(':')[0]!,
      ]
    },
  },
  {
    name: 'a broker keeps quiet about a join, and who joined is removed all the same',
    seen: ['2', 'removed', '2'],
    async run(stage) {
      const [alice] = (await stage.mesh('Bob')) as [Person]
      const link = await invite(alice)
      stage.broker.lie = quietTo(alice)
      const mallory = await stage.people.join(link, 'Mallory')
      const before = String(alice.client.view().members)
      await alice.client.remove(mallory.identity.member.publicKey)
      await stage.until('Mallory is out', () => mallory.client.state === 'removed')
      return [before, mallory.client.state, String(alice.client.view().members)]
    },
  },
  {
    name: 'a broker tells of a join while an answer from before it is on its way',
    seen: ['2', '3'],
    async run(stage) {
      const [alice] = (await stage.mesh('Bob')) as [Person]
      const link = await invite(alice)
      const kept: FromBroker[] = []
      let told = false
      stage.broker.lie = {
        fromBroker(frame, { member }) {
          if (member !== alice.key) return undefined
          if (frame.type === 'roster' && kept.length === 0) {
            kept.push(frame)
            return []
          }
          if (frame.type === 'roster.changed') told = true
          return frame.type === 'checkpoint' ? [] : undefined
        },
      }
      const { rosterSeq } = alice.client.view()
      const seat = stage.broker.seatOf(alice.recipient)
      seat.say({ type: 'roster.changed', seq: rosterSeq + 1, head: new Uint8Array(32) })
      await stage.until('the answer is on its way', () => kept.length > 0)
      await stage.people.join(link, 'Carol')
      await stage.until('the broker told', () => told)
      const before = String(alice.client.view().members)
      seat.say(kept[0]!)
      await stage.until('Alice knows', () => alice.client.view().members === 3)
      return [before, String(alice.client.view().members)]
    },
  },
  {
    name: 'somebody who was removed comes back by an invite that was open',
    seen: ['forbidden', 'stopped integrity: roster: a removed key never comes back'],
    async run(stage) {
      const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
      const link = await invite(alice)
      const mallory = await stage.people.join(link, 'Mallory')
      await alice.client.remove(mallory.identity.member.publicKey)
      await stage.until('Bob knows', () => bob.client.view().members === 2)
      stage.struck()
      const back = (await refusal(stage.people.join(link, 'Mallory'))).split(':')[0]!
      return [back, await servedTo(stage, bob, joinAgain(bob, mallory, link))]
    },
  },
]

/** This person is not told that the roster grew, nor of what would show it. */
const quietTo = (person: Person): Lie => ({
  fromBroker: ({ type }, { member }) =>
    member === person.key && ['roster.changed', 'checkpoint', 'presence'].includes(type) ? [] : undefined,
})

/** A join by keys that were removed, as the holder of the old invite's secret can sign it. */
function joinAgain(bob: Person, mallory: Person, link: string): RosterEntry {
  const entries = entriesOf(bob)
  const { member, agreement, mesh } = mallory.identity
  const { secret, entryHash } = parseInviteLink(link)
  return signJoin(
    {
      mesh,
      seq: entries.length,
      prev: rosterEntryHash(entries.at(-1)!),
      at: Date.now(),
      kind: 'join',
      author: member.publicKey,
      body: { invite: entryHash, bundle: agreement.bundle, name: new Uint8Array(298) },
    },
    member,
    deriveInviteKeys(secret).signer,
  )
}

/** A broker on the side of whoever was removed shows this as the newest entry. */
async function servedTo(stage: Stage, victim: Person, entry: RosterEntry): Promise<string> {
  const head = rosterEntryHash(entry)
  stage.broker.lie = {
    fromBroker: (frame, { member }) =>
      frame.type === 'roster' && member === victim.key
        ? [{ ...frame, entries: [entry], head, headSeq: entry.seq }]
        : undefined,
  }
  stage.broker.seatOf(victim.recipient).say({ type: 'roster.changed', seq: entry.seq, head })
  await stage.until('the victim stopped', () => victim.client.state === 'stopped')
  return victim.standing
}
