/** Rosters that nobody wrote: whoever is served one stops before it seals anything, keeps what it had, and says which rule was broken. */
import { rosterEntryHash, type Signer, signJoin, signRosterEntry } from '@claudemesh/crypto'
import {
  type BrokerFrameOf,
  encodeBrokerFrame,
  type RosterEntry,
  type RosterEntryOf,
  type RosterKind,
  toBase64url,
} from '@claudemesh/protocol'
import { entriesOf } from '../forge.ts'
import { invite, type Person } from '../people.ts'
import type { Attack, Stage } from '../stage.ts'

interface Cast {
  readonly alice: Person
  readonly bob: Person
  readonly mallory: Person
  readonly stage: Stage
  /** Place of the entry that Bob lacks. */
  readonly place: { mesh: Uint8Array; seq: number; prev: Uint8Array; at: number }
}
type Roster = BrokerFrameOf<'roster'>

const OFFERS = ['roster.append', 'roster.restore']

/** Bob asks for what is new and is served this; answers how he stands, and what became of a message he then wrote. */
async function served(
  { stage, alice, bob }: Pick<Cast, 'stage' | 'alice' | 'bob'>,
  change: (honest: Roster) => Roster | string,
): Promise<string[]> {
  const { rosterSeq } = bob.client.view()
  stage.broker.lie = {
    fromBroker(frame, { member }) {
      if (member !== bob.key || frame.type !== 'roster') return undefined
      const lie = change(frame)
      return [typeof lie === 'string' ? lie : { ...lie, ...(frame.ref ? { ref: frame.ref } : {}) }]
    },
    // What is offered to a broker that claims to lack it is not taken.
    fromClient: (frame, seat) => {
      if (seat.member !== bob.key || !OFFERS.includes(frame.type)) return undefined
      const ref = 'ref' in frame && frame.ref ? { ref: frame.ref } : {}
      seat.say({ type: 'error', code: 'forbidden', message: 'not taken', ...ref })
      return []
    },
  }
  stage.broker
    .seatOf(bob.recipient)
    .say({ type: 'roster.changed', seq: rosterSeq + 1, head: new Uint8Array(32) })
  await stage.until('Bob says something of it', () => bob.client.state === 'stopped')
  const msg = await bob.send([alice.recipient], 'not to be sealed')
  if (stage.broker.sent.some(({ header }) => toBase64url(header.from.member) === bob.key))
    return ['Bob sealed something']
  return [bob.standing, String(bob.client.view().rosterSeq === rosterSeq), bob.stateOf(msg)]
}
const stopped = (why: string): string[] => [`stopped integrity: ${why}`, 'true', 'pending']

async function cast(stage: Stage, role: 'member' | 'viewer' | 'admin' = 'member'): Promise<Cast> {
  const [alice, bob] = (await stage.mesh('Bob')) as [Person, Person]
  const mallory = await stage.people.join(await invite(alice, role), 'Mallory')
  await stage.until('Bob knows Mallory', () => bob.client.view().members === 3)
  const entries = entriesOf(bob)
  const prev = rosterEntryHash(entries.at(-1)!)
  const place = { mesh: bob.identity.mesh, seq: entries.length, prev, at: Date.now() }
  return { alice, bob, mallory, stage, place }
}
/** Bob hears of nothing that would make him ask for the roster. */
function deafen({ stage, bob }: Cast): void {
  const told = ['roster.changed', 'checkpoint', 'presence', 'deliver']
  stage.broker.lie = {
    fromBroker: (frame, { member }) => (member === bob.key && told.includes(frame.type) ? [] : undefined),
  }
}
const newest = (entries: readonly RosterEntry[]) => ({
  entries: [...entries],
  head: rosterEntryHash(entries.at(-1)!),
  headSeq: entries.at(-1)!.seq,
})

/** One entry, made up, after the last that Bob knows. */
const madeUp = (
  name: string,
  why: string,
  make: (cast: Cast) => RosterEntry | Promise<RosterEntry>,
  role?: 'viewer' | 'admin',
): Attack => ({
  name,
  seen: stopped(why),
  async run(stage) {
    const all = await cast(stage, role)
    const entry = await make(all)
    return served(all, honest => ({ ...honest, ...newest([entry]) }))
  },
})
const as = <K extends Exclude<RosterKind, 'join' | 'genesis'>>(
  { place }: Cast,
  kind: K,
  body: RosterEntryOf<K>['body'],
  author: Signer,
): RosterEntry =>
  signRosterEntry({ ...place, kind, body, author: author.publicKey } as never, author) as RosterEntry

const aKey = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32))
const inviteBody = ({ mallory }: Cast, key = aKey()) => ({
  code: aKey().slice(0, 16),
  key,
  bundle: mallory.identity.agreement.bundle,
  role: 'admin' as const,
  uses: 9,
  expiresAt: Date.now() + 3_600_000,
  copy: new Uint8Array(1200),
})
const joinOf = ({ place, mallory }: Cast, member: Signer, by: Uint8Array, signer: Signer): RosterEntry => {
  const { bundle } = mallory.identity.agreement
  const body = { invite: by, bundle, name: new Uint8Array(298) }
  return signJoin({ ...place, kind: 'join', author: member.publicKey, body }, member, signer)
}
const lastInvite = ({ alice }: Cast): RosterEntry =>
  entriesOf(alice).findLast(({ kind }) => kind === 'invite')!

export const ROSTER_ATTACKS: readonly Attack[] = [
  madeUp(
    'a broker writes an invite of its own',
    'roster: this key is no member at this point of the chain',
    all => as(all, 'invite', inviteBody(all), all.stage.broker.key),
  ),
  madeUp(
    'a broker writes an invite in the name of the owner',
    'roster: the entry was not signed by its author',
    all =>
      as(all, 'invite', inviteBody(all), {
        publicKey: all.alice.identity.member.publicKey,
        secretKey: all.stage.broker.key.secretKey,
      }),
  ),
  madeUp('a broker adds a member by an invite that never was', 'roster: no such invite', all =>
    joinOf(all, all.stage.broker.key, aKey(), all.stage.broker.key),
  ),
  madeUp(
    'a broker adds a member by an open invite whose secret it does not know',
    'roster: the join was not signed by its invite',
    all => joinOf(all, all.stage.broker.key, rosterEntryHash(lastInvite(all)), all.stage.broker.key),
  ),
  madeUp(
    'a broker names another key as its own',
    'roster: this key is no member at this point of the chain',
    all => as(all, 'broker', { hosts: ['evil.example'], key: aKey(), log: null }, all.stage.broker.key),
  ),
  madeUp(
    'a viewer makes itself an owner',
    'roster: viewer may not write this role',
    all =>
      as(
        all,
        'role',
        { member: all.mallory.identity.member.publicKey, role: 'owner' },
        all.mallory.identity.member,
      ),
    'viewer',
  ),
  madeUp('a member lets somebody in', 'roster: member may not write this invite', all =>
    as(all, 'invite', inviteBody(all), all.mallory.identity.member),
  ),
  madeUp('a member removes another', 'roster: member may not write this remove', all =>
    as(
      all,
      'remove',
      {
        member: all.bob.identity.member.publicKey,
        epoch: { number: 2, commitment: aKey(), root: aKey(), previous: new Uint8Array(72) },
      },
      all.mallory.identity.member,
    ),
  ),
  madeUp(
    'an admin removes the last owner',
    'roster: the last owner stays',
    all =>
      as(
        all,
        'remove',
        {
          member: all.alice.identity.member.publicKey,
          epoch: { number: 2, commitment: aKey(), root: aKey(), previous: new Uint8Array(72) },
        },
        all.mallory.identity.member,
      ),
    'admin',
  ),
  madeUp(
    'an owner removes somebody and leaves the old key in use',
    'roster: a removal begins the next epoch',
    all =>
      as(
        all,
        'remove',
        { member: all.mallory.identity.member.publicKey, epoch: null },
        all.alice.identity.member,
      ),
  ),
  madeUp('an owner back-dates an entry', 'roster: time goes back in the chain', all => {
    const place = { ...all.place, at: all.place.at - 86_400_000 }
    const { member } = all.mallory.identity
    const body = { member: member.publicKey, role: 'viewer' as const }
    return as({ ...all, place }, 'role', body, all.alice.identity.member)
  }),
  madeUp(
    'a broker shows an entry of another mesh',
    'roster: the entry is of another mesh',
    async ({ stage, place }) => {
      const other = await stage.people.found('Eve')
      const author = other.identity.member
      const body = { hosts: ['evil.example'], key: aKey(), log: null }
      const at = { ...place, mesh: other.identity.mesh, author: author.publicKey }
      return signRosterEntry({ ...at, kind: 'broker', body }, author)
    },
  ),
  {
    name: 'a broker hides one entry and shows the next',
    seen: stopped('roster: seq 6 is expected'),
    async run(stage) {
      const all = await cast(stage)
      const entries: RosterEntry[] = []
      deafen(all)
      await invite(all.alice)
      await invite(all.alice)
      entries.push(...entriesOf(all.alice).slice(all.place.seq + 1))
      return served(all, honest => ({ ...honest, ...newest(entries) }))
    },
  },
  {
    name: 'a broker changes the role in an invite',
    seen: stopped('roster: the entry was not signed by its author'),
    async run(stage) {
      const all = await cast(stage)
      deafen(all)
      await invite(all.alice)
      const entry = entriesOf(all.alice).at(-1) as RosterEntryOf<'invite'>
      const changed = { ...entry, body: { ...entry.body, role: 'admin' as const } }
      return served(all, honest => ({ ...honest, ...newest([changed]) }))
    },
  },
  {
    name: 'a broker shows another entry at a place that is pinned',
    seen: stopped('the broker shows another history of the roster'),
    async run(stage) {
      const all = await cast(stage)
      const pinned = entriesOf(all.bob)[2]!
      return served(all, honest => ({
        ...honest,
        entries: [{ ...pinned, at: pinned.at + 1 } as RosterEntry],
      }))
    },
  },
  {
    name: 'a broker with the owner on its side shows a second history',
    seen: stopped('the broker shows another history of the roster'),
    async run(stage) {
      const all = await cast(stage)
      const before = entriesOf(all.bob).slice(0, -1)
      const place = { ...all.place, seq: before.length, prev: rosterEntryHash(before.at(-1)!) }
      const fork = as({ ...all, place }, 'invite', inviteBody(all), all.alice.identity.member)
      return served(all, honest => ({ ...honest, ...newest([fork]) }))
    },
  },
  {
    name: 'a broker goes back to an older roster',
    seen: stopped('the broker lacks roster entries and does not take them back'),
    async run(stage) {
      const all = await cast(stage)
      const older = entriesOf(all.bob).slice(0, 3)
      return served(all, honest => ({ ...honest, ...newest(older), entries: [] }))
    },
  },
  {
    name: 'a broker names entries that it does not serve',
    seen: stopped('the broker names roster entries that it does not serve'),
    async run(stage) {
      const all = await cast(stage)
      return served(all, honest => ({ ...honest, entries: [], headSeq: honest.headSeq + 5 }))
    },
  },
  {
    name: 'a broker shows an entry of a kind that does not exist',
    seen: stopped('roster: an entry that this version cannot read'),
    async run(stage) {
      const all = await cast(stage)
      const entry = as(all, 'invite-revoke', { invite: aKey() }, all.alice.identity.member)
      return served(all, honest => {
        const frame = JSON.parse(encodeBrokerFrame({ ...honest, ...newest([entry]) }))
        return JSON.stringify({ ...frame, entries: [{ ...frame.entries[0], kind: 'oath' }] })
      })
    },
  },
]
