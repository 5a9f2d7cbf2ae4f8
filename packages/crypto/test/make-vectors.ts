/** The vectors of every domain, all from fixed seeds: the files in `vectors/` are what this returns, on every platform. */
import { compareBytes } from '@claudemesh/protocol'
import {
  certificateHash,
  DOMAINS,
  type Domain,
  encodeFields,
  type Field,
  generateSigner,
  hash,
  leafHash,
  prekeyId,
  profileHash,
  recipientsHash,
  rosterEntryHash,
  sign,
  signedBytes,
  slotHash,
} from '../src/index.ts'
import {
  deriveInviteKeys,
  epochCommitment,
  openerId,
  safetyNumber,
  sealEpochKey,
  sealPreviousEpochKey,
} from '../src/sealing/index.ts'
import {
  append,
  entry,
  inviteBody,
  joinEntry,
  memberName,
  meshName,
  newMesh,
  nextEpoch,
  person,
  receivers,
  seed,
} from './chain.ts'
import * as s from './samples.ts'
import { seeded } from './seeded.ts'

/** The chain of every kind of entry, with copies of its new epochs. */
function chain() {
  const [founder, guest] = [person(1), person(2)]
  const mesh = newMesh(founder)
  append(
    mesh,
    entry(mesh, founder, 'broker', { hosts: ['mesh.example', '10.0.0.1:8443'], key: seed(9), log: null }),
  )
  const invite = append(mesh, entry(mesh, founder, 'invite', inviteBody(mesh, 50)))
  append(mesh, joinEntry(mesh, guest, 50, invite))
  append(mesh, entry(mesh, guest, 'rename', { name: memberName(mesh, guest, 'guest') }))
  append(mesh, entry(mesh, founder, 'role', { member: guest.signer.publicKey, role: 'viewer' }))
  const unused = append(mesh, entry(mesh, founder, 'invite', inviteBody(mesh, 51)))
  append(mesh, entry(mesh, founder, 'invite-revoke', { invite: unused }))
  const rekey = nextEpoch(mesh, receivers(mesh))
  append(mesh, entry(mesh, founder, 'rekey', { epoch: rekey.epoch }))
  mesh.epochKeys.push(rekey.key)
  const removal = nextEpoch(mesh, receivers(mesh, guest))
  append(mesh, entry(mesh, founder, 'remove', { member: guest.signer.publicKey, epoch: removal.epoch }))
  const log = { old: 'old note\n', now: 'new note\n' }
  append(mesh, entry(mesh, founder, 'broker', { hosts: ['mesh.example'], key: seed(9), log }))
  mesh.epochKeys.push(removal.key)
  append(mesh, entry(mesh, founder, 'mesh-rename', { name: meshName(mesh, founder, 'renamed') }))
  append(mesh, entry(mesh, founder, 'pause', { delivery: 'held' }))
  append(mesh, entry(mesh, founder, 'pause', { delivery: 'open' }))
  const copies = { rekey: rekey.copies, remove: removal.copies }
  return { mesh: mesh.roster.mesh, head: mesh.roster.head, entries: mesh.entries, copies }
}

function joinOnly() {
  const mesh = newMesh(person(1))
  const invite = append(mesh, entry(mesh, person(1), 'invite', inviteBody(mesh, 50)))
  const join = joinEntry(mesh, person(2), 50, invite)
  const { signer, bundle, agreement } = deriveInviteKeys(seed(50))
  return {
    secret: seed(50),
    inviteKey: signer.publicKey,
    bundle,
    agreement,
    entry: join,
    entryHash: rosterEntryHash(join),
  }
}

function rekey() {
  const { signer, bundle, secret } = s.ann
  const [key, previous] = [seed(202), seed(201)]
  return {
    number: 2,
    key,
    commitment: epochCommitment(2, key),
    to: signer.publicKey,
    secret,
    copy: sealEpochKey({ number: 2, key, to: { key: signer.publicKey, bundle } }),
    previous,
    previousCommitment: epochCommitment(1, previous),
    sealedPrevious: sealPreviousEpochKey({ key, number: 2, previous }),
  }
}

function safety() {
  const ends = { mesh: s.MESH, mine: s.ann.signer.publicKey, theirs: s.bob.signer.publicKey }
  const [low, high] = [ends.mine, ends.theirs].toSorted(compareBytes)
  return { ends, hash: hash('safety', [ends.mesh, low!, high!]), ...safetyNumber(ends) }
}

function envelope() {
  const made = s.envelope()
  const [way, personWay] = made.ways
  const open = [0, 1].map(i => ({
    index: made.sealed.header.to.findIndex(to => (to.recipient.session === null) === (i === 1)),
    me: made.ways[i]!.owner,
    prekeyId: made.ways[i]!.id,
    pairKey: made.ways[i]!.pairKey,
  }))
  return {
    way: way!,
    personWay: personWay!,
    sealed: made.sealed,
    toHash: made.toHash,
    open,
    plaintext: s.plaintext,
    raw: s.raw,
  }
}

/** What each domain is for, beside its general case; `room` has nothing yet. */
function particulars() {
  const sealed = envelope()
  const profile = s.sealedProfile()
  const { header, slots } = sealed.sealed
  const leaf = {
    salt: seed(5).slice(0, 16),
    index: 3,
    at: s.NOW,
    type: 'accepted' as const,
    fields: [seed(6), 1, null],
  }
  const { way } = sealed
  return {
    roster: chain(),
    join: joinOnly(),
    rekey: rekey(),
    certificate: { certificate: s.certificate, hash: certificateHash(s.certificate) },
    alias: { ...s.aliasPlace, ...s.alias },
    bundle: { ...s.sessionPrekey, person: { ...s.personPrekey, id: prekeyId(s.personPrekey.prekey) } },
    hello: s.hello,
    attach: s.attach,
    presence: s.presence(profile),
    profile: {
      place: s.profilePlace,
      profile: s.profile,
      sealed: profile,
      hash: profileHash(profile),
      namePlace: s.namePlace,
      sealedName: s.sealedName(),
    },
    envelope: {
      mesh: s.MESH,
      sealed: sealed.sealed,
      toHash: recipientsHash(header.to),
      open: sealed.open,
      plaintext: sealed.plaintext,
      raw: sealed.raw,
    },
    slot: { slots, hashes: slots.map(slotHash) },
    opener: { opener: way.opener, id: openerId(way.opener) },
    pair: {
      mesh: s.MESH,
      from: s.annEnd,
      to: way.owner,
      prekeyId: way.id,
      opener: way.opener,
      secret: way.secret,
      pairKey: way.pairKey,
    },
    commit: {
      id: header.id,
      nonce: header.nonce,
      key: seed(8),
      hash: hash('commit', [header.id, header.nonce, seed(8)]),
    },
    receipt: s.receipt,
    fact: { brokerKey: s.brokerKey.publicKey, fact: s.fact },
    safety: safety(),
    leaf: { leaf, encoded: encodeFields(leaf.fields), hash: leafHash(leaf) },
  }
}

/** Fields of every type, as every domain encodes them. */
const FIELDS: Field[] = [
  seed(1).slice(0, 5),
  new Uint8Array(),
  'text ✓',
  '',
  0,
  1_800_000_000_000,
  2n ** 64n - 1n,
  null,
  [
    [seed(2).slice(0, 3), null],
    ['b', 7],
  ],
  [],
]

function general(domain: Domain) {
  const signer = generateSigner(seed(3))
  return {
    fields: FIELDS,
    signedBytes: signedBytes(domain, FIELDS),
    hash: hash(domain, FIELDS),
    publicKey: signer.publicKey,
    signature: sign(domain, FIELDS, signer.secretKey),
  }
}

export type Particulars = ReturnType<typeof particulars>
export type Vectors = {
  [D in Domain]: {
    general: ReturnType<typeof general>
    particular: D extends keyof Particulars ? Particulars[D] : null
  }
}

/** Everything, by domain; the same bytes every time. */
export function makeVectors(): Vectors {
  const made: Partial<Record<Domain, unknown>> = seeded(1, particulars)
  return Object.fromEntries(
    DOMAINS.map(d => [d, { general: general(d), particular: made[d] ?? null }]),
  ) as Vectors
}
