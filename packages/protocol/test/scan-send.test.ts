import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type DataFrame,
  decodeFrame,
  decodeHeader,
  deliverHeadSize,
  deliverItemSize,
  encodeAccepted,
  encodeDeliver,
  encodeFrame,
  encodeHeader,
  type MeshError,
  scanSend,
} from '../src/index.ts'
import { dataFrame, show } from './data-frame-arbitrary.ts'

const sends = dataFrame.filter((f): f is Extract<DataFrame, { type: 'send' }> => f.type === 'send')
const HEAD = 8

describe("the broker's reading of `send`", () => {
  test('finds in every envelope what the full codec finds, and the exact header bytes', () => {
    fc.assert(
      fc.property(sends, frame => {
        const scanned = scanSend(encodeFrame(frame))
        expect(scanned.ref).toBe(frame.ref)
        for (const [i, { header, slots, body }] of frame.envelopes.entries()) {
          const raw = scanned.envelopes[i]!
          if (raw.error) throw raw.error
          expect(Buffer.compare(raw.header, encodeHeader(header))).toBe(0)
          expect(show(decodeHeader(raw.header))).toBe(show(header))
          const { id, mesh, from, sentAt, ttl, priority, to } = header
          const seen = {
            id: raw.id,
            mesh: raw.mesh,
            from: raw.from,
            sentAt: raw.sentAt,
            ttl: raw.ttl,
            priority: raw.priority,
          }
          expect(show(seen)).toBe(show({ id, mesh, from, sentAt, ttl, priority }))
          expect(show(raw.targets)).toBe(show(to))
          expect(show(raw.to)).toBe(show(to.map(t => t.recipient)))
          expect(show([raw.slots, raw.body])).toBe(show([slots, body]))
        }
      }),
    )
  })

  test('what it hands on as `deliver` is what the recipient decodes', () => {
    fc.assert(
      fc.property(sends, fc.nat(), (frame, attachment) => {
        const { envelopes } = scanSend(encodeFrame(frame))
        const raws = envelopes.map(raw => {
          if (raw.error) throw raw.error
          return raw
        })
        const items = raws.map((raw, seq) => ({
          seq,
          header: raw.header,
          slot: raw.slots[0]!,
          body: raw.body,
        }))
        const recipient = raws[0]!.to[0]!
        const bytes = encodeDeliver(recipient, attachment, items)
        expect(bytes.length).toBe(
          items.reduce((n, item) => n + deliverItemSize(item), deliverHeadSize(recipient)),
        )
        const deliveries = frame.envelopes.map(({ header, slots, body }, seq) => ({
          seq,
          envelope: { header, slot: slots[0], body },
        }))
        expect(show(decodeFrame(bytes))).toBe(show({ type: 'deliver', recipient, attachment, deliveries }))
      }),
    )
  })

  test('lets one broken envelope fail alone, with its id and the path of the fault', () => {
    const [frame] = fc.sample(
      sends.filter(f => f.envelopes.length === 3),
      1,
    )
    const bytes = encodeFrame(frame!)
    const view = new DataView(bytes.buffer)
    const second = HEAD + 4 + view.getUint32(HEAD)
    bytes[second + 4] = 9
    const scanned = scanSend(bytes).envelopes
    expect(scanned.map(e => e.error === null)).toEqual([true, false, true])
    expect(scanned[1]).toMatchObject({ error: { code: 'bad-field', field: 'envelopes[1].header.version' } })
    expect(Buffer.compare(scanned[1]!.id, frame!.envelopes[1]!.header.id)).toBe(0)
  })

  test('answers sixteen zeros for the id of an envelope too short to hold one', () => {
    const bytes = Uint8Array.of(1, 1, 0, 1, 0, 0, 0, 5, 0, 0, 0, 2, 1, 7)
    const [broken] = scanSend(bytes).envelopes
    expect(broken).toMatchObject({ error: { code: 'bad-frame', field: 'envelopes[0].header.id' } })
    expect([...broken!.id]).toEqual(Array(16).fill(0))
  })

  test('refuses the whole frame when a length does not fit, something follows, or it is no `send`', () => {
    const [frame] = fc.sample(sends, 1)
    const bytes = encodeFrame(frame!)
    const long = bytes.slice()
    new DataView(long.buffer).setUint32(HEAD, 0xffff_ffff)
    const cases: [Uint8Array, Partial<MeshError>][] = [
      [long, { code: 'bad-frame', field: 'envelopes[0].length' }],
      [Buffer.concat([bytes, Uint8Array.of(0)]), { code: 'bad-frame', field: 'envelopes' }],
      [
        encodeAccepted(1, [
          { id: new Uint8Array(16), error: 'rate', seq: 0, auditIndex: 0, at: 1, recipients: [] },
        ]),
        { code: 'bad-frame', field: 'type' },
      ],
    ]
    for (const [input, error] of cases) expect(() => scanSend(input)).toThrow(expect.objectContaining(error))
  })
})
