import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type DataFrame,
  dataFrameSchema,
  decodeFrame,
  type EnvelopeTo,
  encodeFrame,
  LIMITS,
  MeshError,
} from '../src/index.ts'
import { dataFrame, nearlyDataFrame, show } from './data-frame-arbitrary.ts'

/** The frame, or the error: anything but a `MeshError` is a fault of the codec. */
function attempt<T>(run: () => T): T | MeshError {
  try {
    return run()
  } catch (error) {
    if (error instanceof MeshError) return error
    throw error
  }
}

describe('the codec of the data path', () => {
  test('brings every valid frame back as it was', () => {
    fc.assert(
      fc.property(dataFrame, frame => {
        expect(dataFrameSchema.safeParse(frame).success).toBe(true)
        expect(show(decodeFrame(encodeFrame(frame)))).toBe(show(frame))
      }),
      { numRuns: 1000 },
    )
  })

  test('encodes exactly what the schema accepts, and names the field of what it does not', () => {
    const met = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(nearlyDataFrame, frame => {
        const accepted = dataFrameSchema.safeParse(frame).success
        const encoded = attempt(() => encodeFrame(frame))
        met[accepted ? 'accepted' : 'refused']++
        expect(!(encoded instanceof MeshError)).toBe(accepted)
        if (encoded instanceof MeshError) expect(encoded.field).toBeTruthy()
        else expect(show(decodeFrame(encoded))).toBe(show(frame))
      }),
      { numRuns: 3000 },
    )
    expect(met.accepted).toBeGreaterThan(100)
    expect(met.refused).toBeGreaterThan(100)
  })

  test('decodes a changed byte to another valid frame with exactly those bytes, or refuses it', () => {
    fc.assert(
      fc.property(dataFrame, fc.nat(254), (frame, xor) => {
        const bytes = encodeFrame(frame)
        const step = Math.max(1, Math.floor(bytes.length / 400))
        for (let i = 0; i < bytes.length; i += step)
          expectCanonical(withByte(bytes, i, bytes[i]! ^ (xor + 1)))
      }),
      { numRuns: 150 },
    )
  })

  test('refuses a frame cut anywhere or with anything behind it', () => {
    fc.assert(
      fc.property(dataFrame, frame => {
        const bytes = encodeFrame(frame)
        const step = Math.max(1, Math.floor(bytes.length / 200))
        for (let end = 0; end < bytes.length; end += step)
          expect(attempt(() => decodeFrame(bytes.subarray(0, end)))).toBeInstanceOf(MeshError)
        expect(attempt(() => decodeFrame(Buffer.concat([bytes, new Uint8Array(1)])))).toBeInstanceOf(
          MeshError,
        )
      }),
      { numRuns: 100 },
    )
  })

  test('hands out views of the frame, not copies', () => {
    const [frame] = fc.sample(
      dataFrame.filter(f => f.type === 'send'),
      1,
    )
    const bytes = encodeFrame(frame!)
    const decoded = decodeFrame(bytes)
    expect(decoded.type === 'send' && decoded.envelopes[0]!.header.mesh.buffer).toBe(bytes.buffer)
  })

  test('names the place of a fault by its path', () => {
    const [frame] = fc.sample(
      dataFrame.filter(f => f.type === 'send' && f.envelopes.length > 1),
      1,
    )
    const send = structuredClone(frame) as Extract<DataFrame, { type: 'send' }>
    const list = send.envelopes[1]!.header.to as EnvelopeTo[]
    list.push({ ...list[0]! })
    ;(send.envelopes[1]!.slots as Uint8Array[]).push(send.envelopes[1]!.slots[0]!)
    const error = attempt(() => encodeFrame(send))
    expect(error).toMatchObject({ code: 'bad-field', field: `envelopes[1].header.to[${list.length - 1}]` })
  })

  test('refuses a frame above 1 MiB both ways, as the schema does', () => {
    const [frame] = fc.sample(
      dataFrame.filter(f => f.type === 'send'),
      1,
    )
    const send = structuredClone(frame) as Extract<DataFrame, { type: 'send' }>
    const [first] = send.envelopes
    const big = {
      ...first!,
      header: { ...first!.header, size: LIMITS.bodyBytes },
      body: new Uint8Array(LIMITS.bodyBytes),
    }
    const frames = { ...send, envelopes: [big, big, big, big] }
    expect(attempt(() => encodeFrame(frames))).toMatchObject({ code: 'too-large' })
    expect(dataFrameSchema.safeParse(frames).success).toBe(false)
    expect(dataFrameSchema.safeParse({ ...send, envelopes: [big, big, big] }).success).toBe(true)
    expect(attempt(() => decodeFrame(new Uint8Array(LIMITS.frameBytes + 1)))).toMatchObject({
      code: 'too-large',
    })
  })

  test('answers `unsupported` to the types kept for rooms and `bad-frame` to unknown ones', () => {
    expect(attempt(() => decodeFrame(Uint8Array.of(6, 1, 0, 1, 0, 0, 0, 0)))).toMatchObject({
      code: 'unsupported',
    })
    expect(attempt(() => decodeFrame(Uint8Array.of(7, 1, 0, 1, 0, 0, 0, 0)))).toMatchObject({
      code: 'unsupported',
    })
    expect(attempt(() => decodeFrame(Uint8Array.of(8, 1, 0, 1, 0, 0, 0, 0)))).toMatchObject({
      code: 'bad-frame',
    })
    expect(attempt(() => decodeFrame(Uint8Array.of(1, 2, 0, 1, 0, 0, 0, 0)))).toMatchObject({
      code: 'bad-frame',
    })
  })
})

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = value
  return copy
}

function expectCanonical(bytes: Uint8Array): void {
  const frame = attempt(() => decodeFrame(bytes))
  if (frame instanceof MeshError) return
  if (!dataFrameSchema.safeParse(frame).success)
    throw new Error(`decoded, but refused by the schema: ${show(frame)}`)
  if (Buffer.compare(encodeFrame(frame), bytes) !== 0)
    throw new Error(`two encodings of one frame: ${show(frame)}`)
}
