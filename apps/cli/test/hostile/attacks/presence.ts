/** What sessions never said of themselves: refused, or shown as the broker's word alone. */
import { signPresence } from '@claudemesh/crypto'
import type { DirectoryEntry, PresenceRecord } from '@claudemesh/protocol'
import type { Person, Session } from '../people.ts'
import type { Attack, Stage } from '../stage.ts'

interface Cast {
  readonly alice: Person
  readonly api: Session
  readonly mallory: Person
  /** As Alice was told it last. */
  readonly entry: DirectoryEntry
  readonly record: PresenceRecord
  /** Of another session, Mallory's. */
  readonly other: DirectoryEntry
}

/** Bob's session stands as `working`; then the broker tells Alice something else of it. */
async function told(stage: Stage, change: (cast: Cast) => DirectoryEntry): Promise<string[]> {
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
  bob.client.setStatus(api.uuid, 'working', 'hook', Date.now())
  const shown = () => alice.client.peers().find(({ uuid }) => uuid === api.uuid)
  await stage.until('Bob works', () => shown()?.status === 'working' && heard.has(own.uuid))
  const entry = heard.get(api.uuid)!
  const cast = { alice, api, mallory, entry, record: entry.presence!, other: heard.get(own.uuid)! }
  let seen = 0
  alice.client.on('presence', () => seen++)
  stage.broker.seatOf(alice.recipient).say({ type: 'presence', entry: change(cast) })
  const refusals = () => ['directory.refused', 'presence.ahead'].flatMap(event => alice.refusals(event))
  await stage.until('Alice heard it', () => seen > 0 || refusals().length > 0)
  const { status, source, signed, profile } = shown()!
  return [
    ...refusals(),
    `${status} ${source}${signed ? ' signed' : ''} ${profile?.name ?? 'without a profile'}`,
  ]
}
const lie = (name: string, seen: string[], change: (cast: Cast) => DirectoryEntry): Attack => ({
  name,
  seen,
  run: stage => told(stage, change),
})
const STANDS = 'working hook signed api'
const UNSIGNED = 'bad-signature: the presence was not signed by its session'
const resigned = ({ record, api }: Cast, more: Partial<PresenceRecord>): PresenceRecord => {
  const { signature: _, ...unsigned } = { ...record, ...more }
  return signPresence(unsigned, api.signer)
}

export const PRESENCE_ATTACKS: readonly Attack[] = [
  lie('a broker changes the status of a session', [UNSIGNED, STANDS], ({ entry, record }) => ({
    ...entry,
    presence: { ...record, status: 'idle', counter: record.counter + 1 },
  })),
  lie('a broker gives a session the profile of another', [UNSIGNED, STANDS], ({ entry, record, other }) => ({
    ...entry,
    presence: { ...record, profile: other.presence!.profile },
  })),
  lie(
    'a broker shows an older status again',
    ['counter: an older presence was shown again', STANDS],
    cast => ({
      ...cast.entry,
      presence: resigned(cast, { status: 'idle', counter: cast.record.counter - 1 }),
    }),
  ),
  lie(
    'a broker puts the presence of one session beside the certificate of another',
    ['integrity: the presence is of another session', STANDS],
    ({ entry, other }) => ({ ...entry, presence: other.presence }),
  ),
  lie(
    'a broker shows a presence that the same keys signed in another mesh',
    ['integrity: presence of another mesh', STANDS],
    cast => ({ ...cast.entry, presence: resigned(cast, { mesh: new Uint8Array(32) }) }),
  ),
  lie(
    'a session says of itself what nobody could ever correct',
    ['clock: the presence is ahead of this clock', STANDS],
    cast => ({ ...cast.entry, presence: resigned(cast, { counter: Date.now() + 86_400_000 }) }),
  ),
  lie(
    'a broker shows a session of somebody who is no member',
    ['integrity: the certificate is of somebody who is no member', STANDS],
    ({ entry }) => ({ ...entry, certificate: { ...entry.certificate, member: new Uint8Array(32).fill(9) } }),
  ),
  lie('a broker says of a session what a hook would have told it', ['idle hook@broker api'], ({ entry }) => ({
    ...entry,
    hook: { status: 'idle', at: Date.now() + 1_000 },
  })),
  lie('a session seals a profile that does not open', ['working hook signed without a profile'], cast => ({
    ...cast.entry,
    presence: resigned(cast, { profile: new Uint8Array(600), counter: cast.record.counter + 1 }),
  })),
]
