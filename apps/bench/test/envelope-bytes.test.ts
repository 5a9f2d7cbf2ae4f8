import { encodeDeliver, type RawEnvelope, scanSend } from '@claudemesh/protocol'
import { expect, test } from 'vitest'
import { readDeliver, sendFrame, sendItem } from '../src/load/envelope-bytes.ts'

const key = () => crypto.getRandomValues(new Uint8Array(32))
const from = { member: key(), session: key() }
const to = { member: key(), session: key() }
const NOW = 1_763_700_000_123

function scanned(frame: Uint8Array): RawEnvelope[] {
  return scanSend(frame).envelopes.map(envelope => {
    if (envelope.error) throw envelope.error
    return envelope
  })
}

test('a frame of copies is a frame of envelopes, each with an id of its own that holds its time', () => {
  const envelopes = scanned(sendFrame(sendItem(key(), from, [to]), 32, 7, NOW))
  expect(new Set(envelopes.map(({ id }) => Buffer.from(id).toString('hex'))).size).toBe(32)
  for (const { id, sentAt } of envelopes) {
    expect(sentAt).toBe(NOW)
    expect(Buffer.from(id).readUIntBE(0, 6)).toBe(NOW)
    expect([id[6]! >> 4, id[8]! >> 6]).toEqual([7, 2])
  }
})

test('the short reading of `deliver` finds count, order and the numbers in the ids', () => {
  const envelopes = scanned(sendFrame(sendItem(key(), from, [to]), 3, 40, NOW))
  const items = envelopes.map(({ header, slots, body }, i) => ({
    seq: 2 ** 33 + i,
    header,
    slot: slots[0]!,
    body,
  }))
  const numbers: number[] = []
  const read = readDeliver(encodeDeliver(to, 9, items), 2 ** 33 - 1, number => void numbers.push(number))
  expect(read).toEqual({ count: 3, lastSeq: 2 ** 33 + 2 })
  expect(numbers).toEqual([40, 41, 42])
  expect(() => readDeliver(encodeDeliver(to, 9, items), 2 ** 33 + 1)).toThrow('delivered behind')
})
