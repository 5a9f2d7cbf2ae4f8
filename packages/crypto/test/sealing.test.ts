import { type Envelope, LIMITS, type PlaintextJson, TIMES } from '@claudemesh/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { headerFields } from '../src/envelope-header.ts'
import {
  generateSigner,
  hash,
  prekeyId,
  type Signer,
  sign,
  signedBytes,
  slotHash,
  uuidv7,
  verifyPrekey,
} from '../src/index.ts'
import { encrypt, TAG } from '../src/sealing/aead.ts'
import { bodySize, encodeContent } from '../src/sealing/body.ts'
import {
  acceptOpener,
  createOpener,
  deriveInviteKeys,
  generateAgreement,
  makePrekey,
  newEpochKey,
  openEnvelope,
  openEpochKey,
  openName,
  openProfile,
  readSlot,
  type SealInput,
  sealEnvelope,
  sealEpochKey,
  sealName,
  sealProfile,
} from '../src/sealing/index.ts'
import { commitment, sealSlot } from '../src/sealing/slot.ts'
import { seed } from './chain.ts'
import * as s from './samples.ts'

const { MESH, NOW } = s
const fails = (run: () => unknown, code: string, field: string) =>
  expect(run).toThrow(expect.objectContaining({ code, field }))

/** One warm way from Ann's session to Bob's. */
const way = (() => {
  const { prekey, secret, id, owner } = s.sessionPrekey
  return { ...createOpener({ mesh: MESH, from: s.annEnd, prekey }), id, owner, secret }
})()
const target = {
  recipient: way.owner,
  prekeyId: way.id,
  pairKey: way.pairKey,
  opener: way.openerId,
  pairSeq: 1,
  floor: 1,
}
const input = (more: Partial<SealInput> = {}): SealInput => ({
  id: uuidv7(NOW),
  mesh: MESH,
  from: s.annEnd,
  signer: s.annSession,
  ttl: 1000,
  priority: 'next',
  targets: [target],
  plaintext: s.plaintext,
  ...more,
})
const open = ({ header, slots, body }: Envelope, index = 0, end = target) =>
  openEnvelope({
    envelope: { header, slot: slots[index]!, body },
    mesh: MESH,
    me: end.recipient,
    prekeyId: end.prekeyId,
    pairKey: end.pairKey,
  })

describe('envelopes', () => {
  test('come back as they were sealed, whatever text, raw bytes and counters', () => {
    const json = fc.jsonValue({ maxDepth: 3 })
    const raw = fc.uint8Array({ maxLength: 600 })
    const counter = fc.maxSafeNat()
    fc.assert(
      fc.property(json, raw, counter, counter, (payload, raw, pairSeq, floor) => {
        const plaintext: PlaintextJson = { ...s.plaintext, payload: JSON.parse(JSON.stringify(payload)) }
        const opened = open(sealEnvelope(input({ plaintext, raw, targets: [{ ...target, pairSeq, floor }] })))
        expect(opened.plaintext).toEqual(plaintext)
        expect(Buffer.compare(opened.raw, raw)).toBe(0)
        expect([opened.pairSeq, opened.floor]).toEqual([pairSeq, floor])
      }),
      { numRuns: 100 },
    )
  })
  test('open for each of many recipients, in sorted order, by opener or by its id', () => {
    const ends = Array.from({ length: 20 }, (_, i) => {
      const owner = { member: seed(i % 5), session: i < 5 ? null : generateSigner().publicKey }
      const { prekey, secret } = makePrekey({ mesh: MESH, owner, n: NOW, signer: s.bobSession })
      const { opener, openerId, pairKey } = createOpener({ mesh: MESH, from: s.annEnd, prekey })
      const id = prekeyId(prekey)
      const accepted = acceptOpener({ mesh: MESH, opener, from: s.annEnd, to: owner, prekeyId: id, secret })
      expect(Buffer.compare(accepted, pairKey)).toBe(0)
      return {
        ...target,
        recipient: owner,
        prekeyId: id,
        pairKey,
        opener: i % 2 ? opener : openerId,
        openerId,
        pairSeq: i + 1,
      }
    })
    const sealed = sealEnvelope(input({ targets: ends }))
    expect(sealed.header.to.map(to => to.recipient.session === null).slice(0, 1)).toEqual([true])
    sealed.header.to.forEach((to, index) => {
      const end = ends.find(e => Buffer.compare(e.prekeyId, to.prekeyId) === 0)!
      expect(open(sealed, index, end).pairSeq).toBe(end.pairSeq)
      const read = readSlot(sealed.slots[index]!)
      expect(Buffer.compare(read.openerId, end.openerId)).toBe(0)
      expect(read.opener?.length ?? 16).toBe(end.opener.length)
      const other = ends.find(e => e !== end)!
      expect(() => open(sealed, index, { ...end, pairKey: other.pairKey })).toThrow(/slot does not open/)
    })
  })
  test('a person’s own mail is signed by the member key', () => {
    const from = { member: s.ann.signer.publicKey, session: null }
    const { pairKey, openerId } = createOpener({ mesh: MESH, from, prekey: s.sessionPrekey.prekey })
    const targets = [{ ...target, pairKey, opener: openerId }]
    const sealed = sealEnvelope(input({ from, signer: s.ann.signer, targets }))
    expect(open(sealed, 0, targets[0]!).plaintext.msg).toBe(s.plaintext.msg)
  })
  test('have few sizes: with the tag 256·2^k up to 64 KiB, then multiples of 64 KiB, at most 256 KiB', () => {
    const KiB = 1024
    for (const [content, size] of [
      [0, 256],
      [240, 256],
      [241, 512],
      [64 * KiB - 16, 64 * KiB],
      [64 * KiB - 15, 128 * KiB],
      [128 * KiB, 192 * KiB],
      [256 * KiB - 16, 256 * KiB],
    ] as const) {
      expect(bodySize(content)).toBe(size)
    }
    fails(() => bodySize(256 * KiB - 15), 'too-large', 'body')
    const largest = open(sealEnvelope(input({ raw: new Uint8Array(250 * KiB).fill(7) })))
    expect(largest.raw.every(byte => byte === 7)).toBe(true)
    expect(() => sealEnvelope(input({ raw: new Uint8Array(256 * KiB) }))).toThrow(/256 KiB/)
  })
  test('are not sealed where no receiver would take them', () => {
    fails(() => sealEnvelope(input({ id: seed(1).slice(0, 16) })), 'bad-field', 'id')
    for (const ttl of [0, -1, 1.5, LIMITS.ttlMs + 1])
      fails(() => sealEnvelope(input({ ttl })), 'bad-field', 'ttl')
    fails(() => sealEnvelope(input({ targets: [] })), 'bad-field', 'targets')
    fails(() => sealEnvelope(input({ targets: [target, target] })), 'bad-field', 'targets')
    const many = Array.from({ length: 257 }, () => ({
      ...target,
      recipient: { member: generateSigner().publicKey, session: null },
    }))
    fails(() => sealEnvelope(input({ targets: many })), 'bad-field', 'targets')
    fails(() => sealEnvelope(input({ signer: s.ann.signer })), 'bad-field', 'signer')
    fails(() => sealEnvelope(input({ plaintext: { ...s.plaintext, raw: 3 } })), 'bad-field', 'raw')
    fails(() => sealEnvelope(input({ plaintext: { ...s.plaintext, msg: 'no uuid' } })), 'bad-field', 'msg')
    fails(() => sealEnvelope(input({ targets: [{ ...target, opener: seed(1) }] })), 'bad-field', 'opener')
    fails(() => readSlot(new Uint8Array(81)), 'bad-field', 'slot')
  })
})

describe('a lying sender is stopped at its step', () => {
  interface Lie {
    signer?: Signer
    size?: number
    sentAt?: number
    commitTo?: Uint8Array
    twice?: boolean
    hashOf?: (slot: Uint8Array) => Uint8Array
    slotNonce?: Uint8Array
    counters?: { pairSeq: number; floor: number }
    content?: Uint8Array
    padding?: number
    grow?: number
  }
  /** Seals as the specification says, but for what the lie changes: all consistent, all signed. */
  function lying(lie: Lie): Envelope {
    const id = uuidv7(NOW)
    const [nonce, contentKey] = [seed(90).slice(0, 24), seed(91)]
    const content = lie.content ?? encodeContent(s.plaintext, new Uint8Array())
    const padded = new Uint8Array(bodySize(content.length + 64) * (lie.grow ?? 1) - TAG)
    const counters = lie.counters ?? target
    const slot = sealSlot({ ...target, ...counters, contentKey, nonce: lie.slotNonce ?? nonce })
    const to = {
      recipient: target.recipient,
      prekeyId: target.prekeyId,
      slotHash: (lie.hashOf ?? slotHash)(slot),
    }
    const header = {
      id,
      mesh: MESH,
      from: s.annEnd,
      sentAt: lie.sentAt ?? NOW,
      ttl: 1000,
      priority: 'next' as const,
      nonce,
      commit: commitment(id, nonce, lie.commitTo ?? contentKey),
      size: lie.size ?? padded.length + TAG,
      to: lie.twice ? [to, to] : [to],
    }
    const fields = headerFields(header)
    padded.set(content)
    const signer = lie.signer ?? s.annSession
    padded.set(sign('envelope', [...fields, hash('envelope', [content])], signer.secretKey), content.length)
    if (lie.padding) padded[padded.length - lie.padding]! ^= 1
    return {
      header,
      slots: [slot],
      body: encrypt(contentKey, nonce, signedBytes('envelope', fields), padded),
    }
  }
  const content = (json: string | Uint8Array, raw = new Uint8Array()) => {
    const bytes = Buffer.concat([Buffer.alloc(4), typeof json === 'string' ? Buffer.from(json) : json, raw])
    bytes.writeUInt32BE(bytes.length - 4 - raw.length)
    return new Uint8Array(bytes)
  }
  const json = (more: object) => {
    const bytes = encodeContent(s.plaintext, new Uint8Array()).slice(4)
    return JSON.stringify({ ...JSON.parse(Buffer.from(bytes).toString()), ...more })
  }
  const stops = (lie: Lie, step: string, code: string) =>
    expect(() => open(lying(lie))).toThrow(expect.objectContaining({ code, facts: { step } }))

  test('the honest form of the lie opens', () => {
    expect(open(lying({})).plaintext).toEqual(s.plaintext)
    expect(Buffer.from(open(lying({ content: content(json({ raw: 2 }), Uint8Array.of(1, 2)) })).raw)).toEqual(
      Buffer.of(1, 2),
    )
  })
  test('header: time, size, order', () => {
    stops({ sentAt: NOW + 1 }, 'header', 'integrity')
    stops({ size: 4096 }, 'header', 'integrity')
    stops({ twice: true }, 'header', 'integrity')
    stops({ grow: 3 }, 'header', 'integrity')
  })
  test('slot, box, commit', () => {
    stops({ hashOf: () => seed(1) }, 'slot', 'integrity')
    stops({ slotNonce: seed(1).slice(0, 24) }, 'box', 'integrity')
    stops({ counters: { pairSeq: 2 ** 53, floor: 1 } }, 'box', 'integrity')
    stops({ counters: { pairSeq: 1, floor: 2 ** 63 } }, 'box', 'integrity')
    stops({ commitTo: seed(1) }, 'commit', 'integrity')
  })
  test('padding: not zero, too much, lengths beyond the body', () => {
    stops({ padding: 1 }, 'padding', 'integrity')
    stops({ grow: 2 }, 'padding', 'integrity')
    stops({ content: Uint8Array.of(255, 255, 255, 255) }, 'padding', 'integrity')
    stops({ content: content(json({ raw: 10_000 })) }, 'padding', 'integrity')
  })
  test('JSON: none, no UTF-8, against its schema, raw that is no length', () => {
    for (const bad of [
      '',
      '{',
      '[]',
      'null',
      '{}',
      json({ msg: 'x' }),
      json({ line: 'AAAA' }),
      '['.repeat(5000),
    ]) {
      stops({ content: content(bad) }, 'json', 'bad-field')
    }
    stops({ content: content(Uint8Array.of(0x22, 0xff, 0x22)) }, 'json', 'bad-field')
    for (const raw of [0, -1, 1.5, '1', null]) stops({ content: content(json({ raw })) }, 'json', 'bad-field')
  })
  test('signature: by another key than the sender’s', () => {
    stops({ signer: s.ann.signer }, 'signature', 'bad-signature')
  })
  test('an envelope that is not for me, or not of this mesh, is told apart', () => {
    const sealed = sealEnvelope(input())
    const step = (step: string, code: string) => expect.objectContaining({ code, facts: { step } })
    expect(() => open(sealed, 0, { ...target, recipient: s.bobPerson })).toThrow(
      step('to', 'unknown-recipient'),
    )
    expect(() => open(sealed, 0, { ...target, prekeyId: seed(1).slice(0, 16) })).toThrow(
      step('to', 'unknown-recipient'),
    )
    const other = sealEnvelope(input({ mesh: seed(1) }))
    expect(() => open(other)).toThrow(step('mesh', 'unknown-mesh'))
  })
})

describe('openers', () => {
  const ends = { mesh: MESH, from: s.annEnd, to: way.owner, prekeyId: way.id, opener: way.opener }
  test('agree for these ends alone', () => {
    const { secret } = way
    const mine = Buffer.from(acceptOpener({ ...ends, secret }))
    expect(mine.equals(way.pairKey)).toBe(true)
    const others = [
      { from: s.bobEnd },
      { to: s.bobPerson },
      { prekeyId: seed(1).slice(0, 16) },
      { mesh: seed(1) },
    ]
    for (const other of others) expect(mine.equals(acceptOpener({ ...ends, ...other, secret }))).toBe(false)
    const half = { ...secret, xwing: generateAgreement().secret.xwing }
    expect(mine.equals(acceptOpener({ ...ends, secret: half }))).toBe(false)
    const otherHalf = { ...secret, x25519: generateAgreement().secret.x25519 }
    expect(mine.equals(acceptOpener({ ...ends, secret: otherHalf }))).toBe(false)
  })
  test('with keys that are no keys are refused', () => {
    const { prekey } = s.sessionPrekey
    const zero = { ...prekey, bundle: { ...prekey.bundle, x25519: new Uint8Array(32) } }
    fails(() => createOpener({ mesh: MESH, from: s.annEnd, prekey: zero }), 'integrity', 'bundle')
    const unreduced = { ...prekey, bundle: { ...prekey.bundle, xwing: new Uint8Array(1216).fill(255) } }
    fails(() => createOpener({ mesh: MESH, from: s.annEnd, prekey: unreduced }), 'integrity', 'bundle')
    const small = new Uint8Array(1152)
    fails(() => acceptOpener({ ...ends, opener: small, secret: way.secret }), 'integrity', 'opener')
    fails(() => acceptOpener({ ...ends, opener: small.slice(1), secret: way.secret }), 'integrity', 'opener')
  })
})

test('a made prekey verifies and lives as long as every other', () => {
  const { prekey } = makePrekey({ mesh: MESH, owner: s.bobEnd, n: NOW, signer: s.bobSession })
  verifyPrekey(prekey, { mesh: MESH, now: NOW })
  expect([prekey.freshUntil - NOW, prekey.usableUntil - NOW]).toEqual([
    TIMES.prekeyFreshMs,
    TIMES.prekeyUsableMs,
  ])
})

test('an epoch key opens for the invite it was sealed to, and for nobody else', () => {
  const { signer, bundle, agreement } = deriveInviteKeys(seed(50))
  const key = newEpochKey()
  const copy = sealEpochKey({ number: 4, key, to: { key: signer.publicKey, bundle } })
  expect(copy.length).toBe(1200)
  const commitment = hash('rekey', [4, key])
  const to = { key: signer.publicKey, secret: agreement }
  expect(Buffer.compare(openEpochKey({ number: 4, commitment, copy, to }), key)).toBe(0)
  const other = { ...to, secret: deriveInviteKeys(seed(51)).agreement }
  fails(() => openEpochKey({ number: 4, commitment, copy, to: other }), 'integrity', 'copy')
  fails(() => openEpochKey({ number: 4, commitment, copy: copy.slice(1), to }), 'integrity', 'copy')
  fails(() => openEpochKey({ number: 4, commitment, copy: copy.slice(0, 1000), to }), 'integrity', 'opener')
})

describe('names and profiles', () => {
  test('names of 1 to 64 characters come back, all sealed to 298 bytes; others are refused', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter(n => [...n].length <= 64)
    fc.assert(
      fc.property(name, name => {
        const sealed = sealName({ ...s.namePlace, name })
        expect(sealed.length).toBe(298)
        expect(openName({ ...s.namePlace, sealed })).toBe(name)
      }),
    )
    expect(
      openName({ ...s.namePlace, sealed: sealName({ ...s.namePlace, name: '𝕬'.repeat(64) }) }),
    ).toHaveLength(128)
    for (const bad of ['', 'a'.repeat(65), '\ud800'])
      fails(() => sealName({ ...s.namePlace, name: bad }), 'usage', 'name')
  })
  test('profiles come back, sealed to a multiple of 512 and 40 bytes', () => {
    const text = (max: number) => fc.string({ unit: 'grapheme', maxLength: max }).filter(t => t.length <= max)
    const profile = fc.record({
      name: text(64),
      role: text(64),
      groups: fc.array(text(64), { maxLength: 32 }),
      summary: text(280),
      directory: text(1024),
    })
    fc.assert(
      fc.property(profile, profile => {
        const sealed = sealProfile({ ...s.profilePlace, profile })
        expect((sealed.length - 40) % LIMITS.profilePad).toBe(0)
        expect(openProfile({ ...s.profilePlace, sealed })).toEqual(profile)
      }),
    )
    const long = { ...s.profile, summary: 'x'.repeat(281) }
    fails(() => sealProfile({ ...s.profilePlace, profile: long }), 'bad-field', 'profile.summary')
    fails(() => openProfile({ ...s.profilePlace, sealed: new Uint8Array(10) }), 'integrity', 'profile')
    fails(() => openName({ ...s.namePlace, sealed: new Uint8Array(10) }), 'integrity', 'name')
  })
})
