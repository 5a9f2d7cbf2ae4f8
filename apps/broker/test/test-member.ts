/** Members and sessions with real keys, and what they sign. */
import {
  generateSigner,
  rosterEntryHash,
  type Signer,
  signCertificate,
  signJoin,
  signPresence,
  signRosterEntry,
  uuidText,
  uuidv7,
} from '@claudemesh/crypto'
import {
  epochCommitment,
  generateAgreement,
  makePrekey,
  newEpochKey,
  sealEpochKey,
} from '@claudemesh/crypto/sealing'
import type { Certificate, PrekeyBundle, PresenceRecord, Recipient, RosterEntry } from '@claudemesh/protocol'

export const randomBytes = (size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i += 65_536) crypto.getRandomValues(bytes.subarray(i, Math.min(size, i + 65_536)))
  return bytes
}

export interface TestMember {
  readonly signer: Signer
  readonly person: Recipient
}
export const newMember = (): TestMember => {
  const signer = generateSigner()
  return { signer, person: { member: signer.publicKey, session: null } }
}

export interface TestSession {
  readonly member: TestMember
  readonly signer: Signer
  readonly uuid: string
  readonly recipient: Recipient
}
export function newSession(member: TestMember, now = Date.now()): TestSession {
  const signer = generateSigner()
  return {
    member,
    signer,
    uuid: uuidText(uuidv7(now)),
    recipient: { member: member.signer.publicKey, session: signer.publicKey },
  }
}

/** A mesh as its owner makes it: genesis and broker entry, and the chain as the test appends to it. */
export interface TestMesh {
  readonly id: Uint8Array
  readonly owner: TestMember
  readonly entries: RosterEntry[]
  readonly epochKey: Uint8Array
}

export function newMesh(
  brokerKey: Uint8Array,
  hosts: string[],
  now = Date.now(),
  owner = newMember(),
): TestMesh {
  const epochKey = newEpochKey()
  const genesis = signRosterEntry(
    {
      mesh: null,
      seq: 0,
      prev: null,
      at: now,
      author: owner.signer.publicKey,
      kind: 'genesis',
      body: {
        random: randomBytes(32),
        bundle: generateAgreement().bundle,
        meshName: randomBytes(298),
        name: randomBytes(298),
        commitment: epochCommitment(1, epochKey),
      },
    },
    owner.signer,
  )
  const id = rosterEntryHash(genesis)
  const mesh: TestMesh = { id, owner, entries: [genesis], epochKey }
  mesh.entries.push(
    signRosterEntry(
      {
        ...next(mesh, now),
        author: owner.signer.publicKey,
        kind: 'broker',
        body: { hosts, key: brokerKey, log: null },
      },
      owner.signer,
    ),
  )
  return mesh
}

export const head = (mesh: TestMesh): Uint8Array => rosterEntryHash(mesh.entries.at(-1)!)
/** The chain fields of the entry behind the head. */
export const next = (mesh: TestMesh, now: number) => ({
  mesh: mesh.id,
  seq: mesh.entries.length,
  prev: head(mesh),
  at: now,
})

export interface TestInvite {
  readonly key: Signer
  readonly code: Uint8Array
  readonly entry: RosterEntry
}
/** An invite entry behind the head, not yet appended. */
export function newInvite(mesh: TestMesh, now = Date.now(), uses = 1000): TestInvite {
  const key = generateSigner()
  const code = randomBytes(16)
  const { bundle } = generateAgreement()
  const copy = sealEpochKey({ number: 1, key: mesh.epochKey, to: { key: key.publicKey, bundle } })
  const { signer } = mesh.owner
  const entry = signRosterEntry(
    {
      ...next(mesh, now),
      author: signer.publicKey,
      kind: 'invite',
      body: { code, key: key.publicKey, bundle, role: 'member', uses, expiresAt: now + 86_400_000, copy },
    },
    signer,
  )
  return { key, code, entry }
}

/** The join of `member` by an invite, behind the head. */
export const newJoin = (
  mesh: TestMesh,
  invite: TestInvite,
  member: TestMember,
  now = Date.now(),
): RosterEntry =>
  signJoin(
    {
      ...next(mesh, now),
      author: member.signer.publicKey,
      kind: 'join',
      body: {
        invite: rosterEntryHash(invite.entry),
        bundle: generateAgreement().bundle,
        name: randomBytes(298),
      },
    },
    member.signer,
    invite.key,
  )

export function certificateOf(mesh: TestMesh, session: TestSession, now = Date.now()): Certificate {
  const { member, signer, uuid } = session
  return signCertificate(
    {
      mesh: mesh.id,
      member: member.signer.publicKey,
      session: signer.publicKey,
      uuid,
      notBefore: now,
      notAfter: now + 12 * 3_600_000,
      rosterSeq: mesh.entries.length - 1,
      rosterHead: head(mesh),
    },
    member.signer,
    signer,
  )
}

export const prekeyOf = (mesh: TestMesh, owner: Recipient, signer: Signer, n = Date.now()): PrekeyBundle =>
  makePrekey({ mesh: mesh.id, owner, n, signer }).prekey

export const presenceOf = (mesh: TestMesh, session: TestSession, counter = Date.now()): PresenceRecord =>
  signPresence(
    {
      mesh: mesh.id,
      member: session.member.signer.publicKey,
      session: session.signer.publicKey,
      counter,
      status: 'idle',
      source: 'daemon',
      at: counter,
      rosterSeq: mesh.entries.length - 1,
      rosterHead: head(mesh),
      epoch: 1,
      profile: randomBytes(552),
    },
    session.signer,
  )
