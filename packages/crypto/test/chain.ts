/** Meshes for tests: people from fixed seeds, and entries that follow the head of a chain unless told otherwise. */
import { equalBytes, type RosterEntry, type RosterEntryOf, type RosterKind } from '@claudemesh/protocol'
import {
  applyEntry,
  epochCopiesRoot,
  generateSigner,
  openRoster,
  type Roster,
  rosterEntryHash,
  type Signer,
  signJoin,
  signRosterEntry,
} from '../src/index.ts'
import {
  type AgreementSecret,
  deriveInviteKeys,
  epochCommitment,
  generateAgreement,
  sealEpochKey,
  sealName,
  sealPreviousEpochKey,
} from '../src/sealing/index.ts'

export const START = 1_800_000_000_000
export const seed = (n: number): Uint8Array => new Uint8Array(32).fill(n)

export interface Person {
  readonly signer: Signer
  readonly bundle: RosterEntryOf<'genesis'>['body']['bundle']
  readonly secret: AgreementSecret
}

/** The same person for the same number, 0 to 255. */
export function person(n: number): Person {
  const { bundle, secret } = generateAgreement({ x25519: seed(n), xwing: seed(n) })
  return { signer: generateSigner(seed(n)), bundle, secret }
}

export interface TestMesh {
  readonly roster: Roster
  readonly entries: RosterEntry[]
  /** Keys by epoch number - 1. */
  readonly epochKeys: Uint8Array[]
}

/** A mesh of its founder alone. */
export function newMesh(founder: Person, at = START): TestMesh {
  const epochKey = seed(201)
  const author = founder.signer.publicKey
  const place = { epochKey, epoch: 1, mesh: null, author }
  const genesis = signRosterEntry(
    {
      mesh: null,
      seq: 0,
      prev: null,
      at,
      author,
      kind: 'genesis',
      body: {
        random: seed(200),
        bundle: founder.bundle,
        meshName: sealName({ ...place, name: 'mesh', what: 'mesh' }),
        name: sealName({ ...place, name: 'founder', what: 'member' }),
        commitment: epochCommitment(1, epochKey),
      },
    },
    founder.signer,
  )
  return { roster: openRoster(genesis), entries: [genesis], epochKeys: [epochKey] }
}

type Chained = Exclude<RosterKind, 'genesis' | 'join'>
export type Body<K extends RosterKind> = RosterEntryOf<K>['body']
export type Place = Partial<Pick<RosterEntryOf<'rename'>, 'at' | 'seq' | 'prev' | 'mesh'>>

const link = ({ roster }: TestMesh, place: Place) => ({
  mesh: roster.mesh,
  seq: roster.seq + 1,
  prev: roster.head,
  at: roster.at + 1,
  ...place,
})

/** A signed entry that follows the head, whether or not the rules allow it. */
export function entry<K extends Chained>(
  mesh: TestMesh,
  by: Person,
  kind: K,
  body: Body<K>,
  place: Place = {},
) {
  const unsigned = { ...link(mesh, place), author: by.signer.publicKey, kind, body }
  return signRosterEntry<K>(unsigned as unknown as Parameters<typeof signRosterEntry<K>>[0], by.signer)
}

/** Applies and keeps an entry; its hash. */
export function append(mesh: TestMesh, next: RosterEntry): Uint8Array {
  applyEntry(mesh.roster, next)
  mesh.entries.push(next)
  return rosterEntryHash(next)
}

const latest = (mesh: TestMesh) => ({ number: mesh.epochKeys.length, key: mesh.epochKeys.at(-1)! })

export const memberName = (mesh: TestMesh, by: Person, name: string): Uint8Array =>
  sealName({
    epochKey: latest(mesh).key,
    epoch: latest(mesh).number,
    mesh: mesh.roster.mesh,
    author: by.signer.publicKey,
    name,
    what: 'member',
  })

export const meshName = (mesh: TestMesh, by: Person, name: string): Uint8Array =>
  sealName({
    epochKey: latest(mesh).key,
    epoch: latest(mesh).number,
    mesh: mesh.roster.mesh,
    author: by.signer.publicKey,
    name,
    what: 'mesh',
  })

/** The body of an invite whose secret is `seed(n)`. */
export function inviteBody(mesh: TestMesh, n: number, more: Partial<Body<'invite'>> = {}): Body<'invite'> {
  const { signer, bundle } = deriveInviteKeys(seed(n))
  const copy = sealEpochKey({ ...latest(mesh), to: { key: signer.publicKey, bundle } })
  const code = seed(n).slice(0, 16)
  return {
    code,
    key: signer.publicKey,
    bundle,
    role: 'member',
    uses: 1,
    expiresAt: mesh.roster.at + 1000,
    copy,
    ...more,
  }
}

/** A join by the invite of `seed(n)`. */
export function joinEntry(
  mesh: TestMesh,
  who: Person,
  n: number,
  invite: Uint8Array,
  place: Place = {},
  inviteKey?: Signer,
) {
  const body = { invite, bundle: who.bundle, name: memberName(mesh, who, 'joined') }
  const unsigned = { ...link(mesh, place), author: who.signer.publicKey, kind: 'join' as const, body }
  return signJoin(unsigned, who.signer, inviteKey ?? deriveInviteKeys(seed(n)).signer)
}

let invites = 100
/** Lets somebody in with a role; an owner comes as admin and is raised by the founder. */
export function admit(
  mesh: TestMesh,
  founder: Person,
  who: Person,
  role: 'owner' | 'admin' | 'member' | 'viewer',
): void {
  const n = invites++ % 100
  const first = role === 'owner' ? 'admin' : role
  const invite = append(mesh, entry(mesh, founder, 'invite', inviteBody(mesh, 100 + n, { role: first })))
  append(mesh, joinEntry(mesh, who, 100 + n, invite))
  if (role === 'owner') append(mesh, entry(mesh, founder, 'role', { member: who.signer.publicKey, role }))
}

/** The next epoch with copies for `to`. */
export function nextEpoch(
  mesh: TestMesh,
  to: { key: Uint8Array; bundle: Person['bundle'] }[],
  number = mesh.epochKeys.length + 1,
) {
  const key = seed(200 + number)
  const copies = to.map(t => ({ to: t.key, copy: sealEpochKey({ number, key, to: t }) }))
  const previous = sealPreviousEpochKey({ key, number, previous: latest(mesh).key })
  return {
    key,
    copies,
    epoch: { number, commitment: epochCommitment(number, key), root: epochCopiesRoot(copies), previous },
  }
}

/** Everybody who is in the mesh, as receivers of an epoch key. */
export const receivers = (mesh: TestMesh, but?: Person) =>
  [...mesh.roster.members.values()].filter(m => !but || !equalBytes(m.key, but.signer.publicKey))
