/** One of everything that is signed or sealed, from fixed seeds: what vectors are made of and bits are flipped in. */
import type { DeliveredEnvelope, PlaintextJson, Profile, Recipient } from '@claudemesh/protocol'
import {
  certificateHash,
  generateSigner,
  type HelloProof,
  prekeyId,
  recipientsHash,
  signAlias,
  signAttach,
  signCertificate,
  signFact,
  signHello,
  signPrekey,
  signPresence,
  signReceipt,
  uuidBytes,
} from '../src/index.ts'
import {
  acceptOpener,
  createOpener,
  generateAgreement,
  sealEnvelope,
  sealName,
  sealProfile,
} from '../src/sealing/index.ts'
import { person, START, seed } from './chain.ts'

export const MESH = seed(77)
export const NOW = START
const hours = 3_600_000
const uuid = '0198c0de-0000-7000-8000-0123456789ab'
const msgId = '0198c0de-1111-7000-9000-0123456789ab'
/** A UUIDv7 whose time is `NOW`. */
export const envelopeId = uuidBytes(
  `${NOW.toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/, '$1-')}-7abc-8def-0123456789ab`,
)

export const ann = person(11)
export const bob = person(12)
export const annSession = generateSigner(seed(21))
export const bobSession = generateSigner(seed(22))
export const brokerKey = generateSigner(seed(31))
export const annEnd: Recipient = { member: ann.signer.publicKey, session: annSession.publicKey }
export const bobEnd: Recipient = { member: bob.signer.publicKey, session: bobSession.publicKey }
export const bobPerson: Recipient = { member: bob.signer.publicKey, session: null }

export const certificate = signCertificate(
  {
    mesh: MESH,
    member: ann.signer.publicKey,
    session: annSession.publicKey,
    uuid,
    notBefore: NOW,
    notAfter: NOW + 12 * hours,
    rosterSeq: 7,
    rosterHead: seed(78),
  },
  ann.signer,
  annSession,
)

export const aliasPlace = { mesh: MESH, member: ann.signer.publicKey, session: annSession.publicKey, uuid }
export const alias = signAlias(
  aliasPlace,
  [
    { uuid: '0198c0de-2222-4000-8000-0123456789ab', until: NOW - 2 * hours },
    { uuid: '0198c0de-3333-4000-8000-0123456789ab', until: NOW - hours },
  ],
  annSession,
)

/** Bob's prekeys: of a session and of the person, with their secrets. */
export const prekeyOf = (owner: Recipient, n: number) => {
  const { bundle, secret } = generateAgreement({ x25519: seed(n), xwing: seed(n + 1) })
  const times = { n: NOW, freshUntil: NOW + 2 * hours, usableUntil: NOW + 720 * hours }
  const prekey = signPrekey(
    { mesh: MESH, ...owner, bundle, ...times },
    owner.session ? bobSession : bob.signer,
  )
  return { owner, prekey, secret, id: prekeyId(prekey) }
}
export const sessionPrekey = prekeyOf(bobEnd, 41)
export const personPrekey = prekeyOf(bobPerson, 43)

export const profile: Profile = {
  name: 'ann’s session',
  role: 'reviewer',
  groups: ['core', 'ß'],
  summary: 'reads the diff',
  directory: '/home/ann/src',
}
export const profilePlace = {
  epochKey: seed(51),
  epoch: 3,
  mesh: MESH,
  ...annEnd,
  session: annSession.publicKey,
}
export const namePlace = {
  epochKey: seed(51),
  epoch: 3,
  mesh: MESH,
  author: ann.signer.publicKey,
  what: 'member' as const,
}
export const sealedProfile = () => sealProfile({ ...profilePlace, profile })
export const sealedName = () => sealName({ ...namePlace, name: 'Ann' })

export const presence = (sealed: Uint8Array) =>
  signPresence(
    {
      mesh: MESH,
      member: ann.signer.publicKey,
      session: annSession.publicKey,
      counter: NOW,
      status: 'working',
      source: 'hook',
      at: NOW,
      rosterSeq: 7,
      rosterHead: seed(78),
      epoch: 3,
      profile: sealed,
    },
    annSession,
  )

export const receipt = signReceipt(
  {
    mesh: MESH,
    from: bobEnd,
    to: annEnd,
    state: 'held',
    why: 'dnd',
    items: [
      { id: uuid, msg: msgId },
      { id: uuid, msg: null },
    ],
    at: NOW,
  },
  bobSession,
)
export const fact = signFact(
  { mesh: MESH, kind: 'expired', why: 'ttl', id: envelopeId, from: annEnd, to: bobPerson, at: NOW },
  brokerKey,
)

const challenge = { nonce: seed(61), brokerKey: brokerKey.publicKey, host: 'mesh.example:8443' }
export const helloProof: HelloProof = { ...challenge, mesh: MESH }
export const attachProof = {
  ...challenge,
  certificateHash: certificateHash(certificate),
  prekeyId: sessionPrekey.id,
}
export const hello = {
  ...helloProof,
  key: ann.signer.publicKey,
  signature: signHello({ ...helloProof, key: ann.signer }),
}
export const attach = {
  ...attachProof,
  key: annSession.publicKey,
  signature: signAttach({ ...attachProof, signer: annSession }),
}

export const plaintext: PlaintextJson = {
  msg: msgId,
  composedAt: NOW,
  kind: 'text',
  payload: { text: 'hello, Bob ✓', replyTo: null, threadId: null },
  line: seed(71).slice(0, 16),
  prekey: { n: NOW, id: seed(72).slice(0, 16) },
  roster: { seq: 7, head: seed(78) },
  checkpoint: null,
  certificate,
}
export const raw = Uint8Array.from({ length: 40 }, (_, i) => i)

/** An envelope for Bob's session (by its opener) and for Bob (by the opener's id), with what opens it. */
export function envelope() {
  const ways = [sessionPrekey, personPrekey].map(p => ({
    ...p,
    ...createOpener({ mesh: MESH, from: annEnd, prekey: p.prekey }),
  }))
  const targets = ways.map(({ owner, id, pairKey, opener, openerId }, i) => ({
    recipient: owner,
    prekeyId: id,
    pairKey,
    opener: i === 0 ? opener : openerId,
    pairSeq: 5 + i,
    floor: 4,
  }))
  const shared = {
    id: envelopeId,
    mesh: MESH,
    from: annEnd,
    signer: annSession,
    ttl: 60_000,
    priority: 'next' as const,
  }
  const sealed = sealEnvelope({ ...shared, targets, plaintext, raw })
  return { ways, sealed, toHash: recipientsHash(sealed.header.to) }
}

/** The envelope as the broker hands it to who stands at `index` in `to[]`. */
export const delivered = ({ sealed }: ReturnType<typeof envelope>, index: number): DeliveredEnvelope => ({
  header: sealed.header,
  slot: sealed.slots[index]!,
  body: sealed.body,
})

/** Bob's end of a way: the key that `acceptOpener` makes from the opener alone. */
export const acceptedKey = (way: ReturnType<typeof envelope>['ways'][number]): Uint8Array =>
  acceptOpener({
    mesh: MESH,
    opener: way.opener,
    from: annEnd,
    to: way.owner,
    prekeyId: way.id,
    secret: way.secret,
  })
