import { type Certificate, type ErrorCode, type MeshError, TIMES, toBase64url } from '@claudemesh/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareRecipients,
  formatInviteLink,
  generateSigner,
  type InviteLink,
  leafHash,
  parseInviteLink,
  recipientKey,
  signAlias,
  signCertificate,
  signPrekey,
  signPresence,
  signReceipt,
  uuidBytes,
  uuidText,
  uuidTime,
  uuidv7,
  verifyAlias,
  verifyCertificate,
  verifyFact,
  verifyPrekey,
  verifyPresence,
  verifyReceipt,
} from '../src/index.ts'
import { seed } from './chain.ts'
import * as s from './samples.ts'

const { MESH, NOW } = s
const refuses = (run: () => void, code: ErrorCode, field: string) =>
  expect(run).toThrow(expect.objectContaining({ code, field } satisfies Partial<MeshError>))

describe('certificates', () => {
  const { memberSignature: _m, sessionSignature: _s, ...plain } = s.certificate
  const made = (more: Partial<Certificate>, member = s.ann.signer, session = s.annSession) =>
    signCertificate({ ...plain, ...more }, member, session)
  const at =
    (certificate: Certificate, when: number, graceMs = 0) =>
    () =>
      verifyCertificate(certificate, { mesh: MESH, at: when, graceMs })
  test('cover from 5 min before their beginning to their end, and the grace behind it', () => {
    const { notBefore, notAfter } = s.certificate
    for (const when of [notBefore - TIMES.idSkewMs, notBefore, notAfter]) at(s.certificate, when)()
    refuses(at(s.certificate, notBefore - TIMES.idSkewMs - 1), 'clock', 'notBefore')
    refuses(at(s.certificate, notAfter + 1), 'expired', 'notAfter')
    at(s.certificate, notAfter + TIMES.knownMs, TIMES.knownMs)()
    refuses(at(s.certificate, notAfter + TIMES.knownMs + 1, TIMES.knownMs), 'expired', 'notAfter')
  })
  test('live for at most 12 h, and at all', () => {
    refuses(at(made({ notAfter: NOW + TIMES.certificateMs + 1 }), NOW), 'integrity', 'notAfter')
    refuses(at(made({ notAfter: NOW }), NOW), 'integrity', 'notAfter')
  })

  test('whose bytes were verified before are not verified again; another byte is', () => {
    const forged = { ...s.certificate, notAfter: s.certificate.notAfter - 1 }
    const knowing = (known: Certificate) => () => verifyCertificate(forged, { mesh: MESH, at: NOW, known })
    refuses(knowing(s.certificate), 'bad-signature', 'memberSignature')
    expect(knowing({ ...forged })).not.toThrow()
    refuses(
      () => verifyCertificate(forged, { mesh: MESH, at: forged.notAfter + 1, known: forged }),
      'expired',
      'notAfter',
    )
  })
  test('need both keys, and this mesh', () => {
    refuses(at(made({}, generateSigner(), s.annSession), NOW), 'bad-signature', 'memberSignature')
    refuses(at(made({}, s.ann.signer, generateSigner()), NOW), 'bad-signature', 'sessionSignature')
    refuses(at(made({ mesh: seed(1) }), NOW), 'integrity', 'mesh')
  })
})

test('an alias: by its session, no UUID twice, not from the future', () => {
  const { aliasPlace: place, alias } = s
  const check =
    (former = alias.former, more = {}, signer = s.annSession) =>
    () =>
      verifyAlias(signAlias({ ...place, ...more }, former, signer), place, NOW)
  check()()
  refuses(check(alias.former, {}, s.ann.signer), 'bad-signature', 'signature')
  refuses(check(alias.former, { uuid: alias.former[0]!.uuid }), 'bad-signature', 'signature')
  refuses(check([...alias.former, alias.former[0]!]), 'integrity', 'former')
  refuses(check([{ uuid: place.uuid, until: NOW }]), 'integrity', 'former')
  check([{ uuid: alias.former[0]!.uuid, until: NOW + TIMES.idSkewMs }])()
  refuses(check([{ uuid: alias.former[0]!.uuid, until: NOW + TIMES.idSkewMs + 1 }]), 'clock', 'until')
})

describe('prekeys', () => {
  const { signature: _, ...plain } = s.sessionPrekey.prekey
  const check =
    (more: object, now = NOW, signer = s.bobSession) =>
    () =>
      verifyPrekey(signPrekey({ ...plain, ...more }, signer), { mesh: MESH, now })
  test('live as long as every other, and are not from the future', () => {
    check({})()
    check({}, NOW - TIMES.idSkewMs)()
    refuses(check({}, NOW - TIMES.idSkewMs - 1), 'clock', 'n')
    refuses(check({ freshUntil: plain.freshUntil + 1 }), 'integrity', 'freshUntil')
    refuses(check({ usableUntil: plain.usableUntil + 1 }), 'integrity', 'usableUntil')
    check({}, plain.usableUntil)()
    refuses(check({}, plain.usableUntil + 1), 'expired', 'usableUntil')
  })
  test('are signed by their session, or by the member for the person, and by nobody else', () => {
    refuses(check({}, NOW, s.bob.signer), 'bad-signature', 'signature')
    refuses(check({ session: null }), 'bad-signature', 'signature')
    check({ session: null }, NOW, s.bob.signer)()
    refuses(check({ mesh: seed(1) }), 'integrity', 'mesh')
  })
})

test('presence: signed by its session, of this mesh, not from the future', () => {
  const record = s.presence(s.sealedProfile())
  verifyPresence(record, { mesh: MESH })
  verifyPresence(record, { mesh: MESH, now: NOW - TIMES.idSkewMs })
  refuses(() => verifyPresence(record, { mesh: MESH, now: NOW - TIMES.idSkewMs - 1 }), 'clock', 'counter')
  const late = signPresence({ ...record, at: NOW + TIMES.idSkewMs + 1 }, s.annSession)
  refuses(() => verifyPresence(late, { mesh: MESH, now: NOW }), 'clock', 'at')
  refuses(() => verifyPresence(record, { mesh: seed(1) }), 'integrity', 'mesh')
  refuses(
    () => verifyPresence(signPresence(record, s.ann.signer), { mesh: MESH }),
    'bad-signature',
    'signature',
  )
})

test('receipts and facts: by their maker alone', () => {
  const byPerson = { ...s.receipt, from: s.bobPerson }
  verifyReceipt(signReceipt(byPerson, s.bob.signer), { mesh: MESH })
  refuses(
    () => verifyReceipt(signReceipt(byPerson, s.bobSession), { mesh: MESH }),
    'bad-signature',
    'signature',
  )
  refuses(() => verifyReceipt(s.receipt, { mesh: seed(1) }), 'integrity', 'mesh')
  refuses(() => verifyReceipt({ ...s.receipt, why: '\ud800' }, { mesh: MESH }), 'bad-signature', 'signature')
  refuses(() => verifyFact(s.fact, s.ann.signer.publicKey), 'bad-signature', 'signature')
})

test('recipients: the person before its sessions, equal ones under one Map key', () => {
  const key = fc.constantFrom(seed(1), seed(2), seed(3))
  const recipient = fc.record({ member: key, session: fc.option(key) })
  fc.assert(
    fc.property(recipient, recipient, (a, b) => {
      const order = compareRecipients(a, b)
      expect(order === 0).toBe(recipientKey(a) === recipientKey(b))
      expect(Math.sign(order)).toBe(0 - Math.sign(compareRecipients(b, a)))
      if (a.member === b.member && !a.session && b.session) expect(order).toBeLessThan(0)
    }),
  )
})

test('a UUIDv7 holds its time and survives its text form; others hold none', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), ms => {
      const id = uuidv7(ms)
      expect(uuidTime(id)).toBe(ms)
      expect(uuidText(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(Buffer.compare(uuidBytes(uuidText(id)), id)).toBe(0)
    }),
  )
  expect(uuidTime(uuidBytes(crypto.randomUUID()))).toBeUndefined()
  expect(uuidTime(new Uint8Array(15))).toBeUndefined()
  for (const bad of ['', 'x', crypto.randomUUID().toUpperCase(), crypto.randomUUID().replaceAll('-', '')]) {
    refuses(() => uuidBytes(bad), 'bad-field', 'uuid')
  }
})

describe('invite links', () => {
  const bytesOf = (n: number) => fc.uint8Array({ minLength: n, maxLength: n })
  const host = fc.constantFrom('mesh.example', 'localhost:7900', '10.0.0.1:80', '[::1]:7900')
  const link = fc.record({
    host,
    secure: fc.boolean(),
    code: bytesOf(16),
    secret: bytesOf(32),
    entryHash: bytesOf(32),
  })
  const parts = (l: InviteLink) => [l.host, l.secure, ...[l.code, l.secret, l.entryHash].map(toBase64url)]
  test('come back as they went, blanks and capitals of the host forgiven', () => {
    fc.assert(
      fc.property(link, l => {
        expect(
          parts(parseInviteLink(` ${formatInviteLink(l).replace(l.host, l.host.toUpperCase())}\n`)),
        ).toEqual(parts(l))
      }),
    )
  })
  test('cut, padded or foreign ones are a usage error that repeats nothing of the secret', () => {
    const good = formatInviteLink({
      host: 'mesh.example',
      secure: true,
      code: seed(1).slice(0, 16),
      secret: seed(2),
      entryHash: seed(3),
    })
    const bad = [
      '',
      good.slice(0, -1),
      `${good}A`,
      good.replace('#', '?'),
      good.replace('https', 'ftp'),
      good.replace('/i/', '/j/'),
      good.replace('mesh.example', 'a b'),
      good.replace('//', '//u@'),
    ]
    for (const text of bad) {
      refuses(() => parseInviteLink(text), 'usage', 'link')
      expect(() => parseInviteLink(text)).toThrow(/^(?!.*AgIC)/)
    }
  })
})

test('a leaf’s hash is RFC 6962’s over its bytes', () => {
  const hasher = new Bun.CryptoHasher('sha256')
  const leaf = { salt: seed(1).slice(0, 16), index: 1, at: 2, type: 'roster' as const, fields: ['a'] }
  const part = (hex: string) => `${(hex.length / 2).toString(16).padStart(8, '0')}${hex}`
  const eight = (n: number) => part(n.toString(16).padStart(16, '0'))
  const text = (t: string) => Buffer.from(t).toString('hex')
  const fields = part(part(text('a')))
  hasher.update(
    Buffer.from(
      `00${text('claudemesh/v1/leaf')}${part('01'.repeat(16))}${eight(1)}${eight(2)}${part(text('roster'))}${fields}`,
      'hex',
    ),
  )
  expect(Buffer.from(leafHash(leaf)).toString('hex')).toBe(hasher.digest('hex'))
})
