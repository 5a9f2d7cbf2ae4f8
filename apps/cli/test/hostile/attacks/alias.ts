/** UUIDs that a session never had: whoever writes to one reaches who has it, or is told that several claim it. */
import { randomUUID } from 'node:crypto'
import { signAlias, signPresence } from '@claudemesh/crypto'
import { sealProfile } from '@claudemesh/crypto/sealing'
import { type Alias, type DirectoryEntry, MeshError } from '@claudemesh/protocol'
import { resolveAddresses } from '../../../src/daemon/addresses.ts'
import { labeller } from '../../../src/daemon/labels.ts'
import type { Person, Session } from '../people.ts'
import type { Attack, Stage } from '../stage.ts'

interface Cast {
  /** Mallory's session, and what Alice was told of it last. */
  readonly own: Session
  readonly entry: DirectoryEntry
  readonly mallory: Person
  /** What Alice was told of Bob's session under its first UUID, and since. */
  readonly before: DirectoryEntry
  readonly since: DirectoryEntry
  readonly first: string
  readonly now: string
}
type Named = 'first' | 'now'

/** Bob's session went on from one UUID to another; then Alice is told something, and writes to one of the two. */
async function told(stage: Stage, writesTo: Named, lie: (cast: Cast) => DirectoryEntry): Promise<string[]> {
  const [alice, bob, mallory] = (await stage.mesh('Bob', 'Mallory')) as [Person, Person, Person]
  const heard = new Map<string, DirectoryEntry>()
  stage.broker.lie = {
    fromBroker(frame, { member }) {
      if (frame.type === 'presence' && member === alice.key)
        heard.set(frame.entry.certificate.uuid, frame.entry)
      return undefined
    },
  }
  const [api, own] = [await bob.open('api'), await mallory.open('own')]
  const [first, now] = [api.uuid, randomUUID()]
  await stage.until('Alice heard of both', () => heard.has(first) && heard.has(own.uuid))
  const before = heard.get(first)!
  await bob.client.setUuids(first, { uuid: now, former: [{ uuid: first, until: Date.now() }] })
  const shown = () => alice.client.peers().find(({ uuid }) => uuid === now)
  await stage.until('Alice saw it go on', () => shown()?.former[0] === first && heard.has(now))
  const since = heard.get(now)!
  let seen = 0
  alice.client.on('presence', () => seen++)
  const entry = lie({ own, entry: heard.get(own.uuid)!, mallory, before, since, first, now })
  stage.broker.seatOf(alice.recipient).say({ type: 'presence', entry })
  await stage.until('Alice heard it', () => seen > 0)
  return [...alice.refusals('alias.refused'), reached(alice, { first, now }[writesTo])]
}

/** Whom Alice's client takes a UUID for. */
function reached(alice: Person, uuid: string): string {
  const who = { members: alice.client.members(), sessions: alice.client.peers(), confirmed: new Map() }
  try {
    return resolveAddresses([uuid], who, alice.recipient).map(labeller(who)).join()
  } catch (error) {
    if (error instanceof MeshError) return error.code
    throw error
  }
}

/** Mallory's word for its own session, with this alias in its profile. */
function withAlias({ own, entry, mallory }: Cast, alias: Alias): DirectoryEntry {
  const { signature: _, ...record } = entry.presence!
  const { mesh, member, session, epoch } = record
  const epochKey = mallory.store.epochs.all().find(({ number }) => number === epoch)!.key
  const profile = { name: 'own', role: '', groups: [], summary: '', directory: '', alias }
  const sealed = sealProfile({ profile, epochKey, epoch, mesh, member, session })
  const presence = signPresence({ ...record, counter: record.counter + 1, profile: sealed }, own.signer)
  return { ...entry, presence }
}

const signed = (cast: Cast, uuid: string, by = cast.own.signer): Alias => {
  const { mesh, member, session, uuid: present } = cast.entry.certificate
  return signAlias({ mesh, member, session, uuid: present }, [{ uuid, until: Date.now() }], by)
}

const BY_OTHER = 'bad-signature: the alias was not signed by its session'

const lie = (
  name: string,
  writesTo: Named,
  seen: string[],
  change: (cast: Cast) => DirectoryEntry,
): Attack => ({ name, seen, run: stage => told(stage, writesTo, change) })

export const ALIAS_ATTACKS: readonly Attack[] = [
  lie(
    'a member vouches with its member key for the past of its session',
    'first',
    [BY_OTHER, 'Bob/api'],
    cast => withAlias(cast, signed(cast, cast.first, cast.mallory.identity.member)),
  ),
  lie('a member has its session go on from the UUID that another one has', 'now', ['Bob/api'], cast =>
    withAlias(cast, signed(cast, cast.now)),
  ),
  lie('a member has its session go on from the UUID that another one had', 'first', ['ambiguous'], cast =>
    withAlias(cast, signed(cast, cast.first)),
  ),
  lie(
    'a broker shows the certificate that a session had under its first UUID again',
    'first',
    [BY_OTHER, 'Bob/api'],
    ({ before, since }) => ({ ...since, certificate: before.certificate }),
  ),
]
