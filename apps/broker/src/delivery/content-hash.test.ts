import { type Envelope, encodeFrame, scanSend } from '@claudemesh/protocol'
import { expect, test } from 'vitest'
import { newEnvelope } from '../../test/test-envelope.ts'
import { randomBytes } from '../../test/test-member.ts'
import { contentHash } from './content-hash.ts'

/** Hashes of envelopes as they come out of one frame. */
const hashes = (envelopes: Envelope[]) =>
  scanSend(encodeFrame({ type: 'send', ref: 0, envelopes })).envelopes.map(envelope => {
    if (envelope.error !== null) throw envelope.error
    return Buffer.from(contentHash(envelope)).toString('hex')
  })

test('the same bytes hash alike wherever they stand in a frame, and any other byte of header, slot or body does not', () => {
  const person = { member: randomBytes(32), session: null }
  const to = [randomBytes(32), randomBytes(32)].map(member => ({ member, session: null }))
  const base = newEnvelope({ mesh: randomBytes(32), from: person, to })
  const [first, second] = base.slots as [Uint8Array, Uint8Array]
  const others = [
    { ...base, header: { ...base.header, ttl: base.header.ttl + 1 } },
    { ...base, body: base.body.with(511, base.body[511]! ^ 1) },
    { ...base, slots: [first, second.with(79, second[79]! ^ 1)] },
    { ...base, slots: [second, first] },
    { ...base, slots: [first, randomBytes(1216)] },
  ]
  const [one, ...rest] = hashes([base, ...others, base])
  expect(rest.pop()).toBe(one)
  expect(new Set([one, ...rest])).toHaveLength(6)
})
