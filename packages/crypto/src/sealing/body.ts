/** The inside of an envelope's body: 4-byte length ‖ JSON ‖ raw ‖ signature 64 ‖ zeros, in few sizes. */
import {
  encodePlaintext,
  LIMITS,
  MeshError,
  type PlaintextJson,
  parsePlaintext,
  SIZES,
} from '@claudemesh/protocol'
import { TAG } from './aead.ts'
import { allZero, decodeText } from './zero-padded.ts'

const SMALLEST = 256
const STEP = 64 * 1024
const utf8 = new TextEncoder()

/**
 * The size of a sealed body for `content` bytes of plaintext: with its tag 256·2^k up to 64 KiB, then a multiple of 64 KiB.
 * @throws MeshError `too-large` (field `body`) over 256 KiB.
 */
export function bodySize(content: number): number {
  const needed = content + TAG
  let size = SMALLEST
  while (size < needed && size < STEP) size *= 2
  if (size < needed) size = Math.ceil(needed / STEP) * STEP
  if (size > LIMITS.bodyBytes) {
    throw new MeshError('too-large', 'a message holds at most 256 KiB', {
      field: 'body',
      facts: { bytes: needed },
    })
  }
  return size
}

/** True for a size that `bodySize` can give. */
export const isBodySize = (size: number): boolean =>
  size >= SMALLEST && size <= LIMITS.bodyBytes && bodySize(size - TAG) === size

/**
 * The signed part of a plaintext. Raw bytes are named by the JSON's field `raw`, their number; it is absent where there
 * are none, and belongs to this layer: a caller's own field of that name is refused.
 * @throws MeshError `bad-field` for a plaintext that its schema refuses.
 */
export function encodeContent(plaintext: PlaintextJson, raw: Uint8Array): Uint8Array {
  if ('raw' in plaintext)
    throw new MeshError('bad-field', 'raw bytes are passed beside the JSON', { field: 'raw' })
  const named = raw.length > 0 ? { ...plaintext, raw: raw.length } : plaintext
  const encoded = encodePlaintext(named)
  if (!encoded.success) {
    const field = encoded.error.issues[0]?.path.join('.') ?? ''
    throw new MeshError('bad-field', 'the plaintext is out of bounds', { field })
  }
  const json = utf8.encode(JSON.stringify(encoded.data))
  const content = new Uint8Array(4 + json.length + raw.length)
  new DataView(content.buffer).setUint32(0, json.length)
  content.set(json, 4)
  content.set(raw, 4 + json.length)
  return content
}

/** A plaintext as it was signed, before its signature is looked at. */
export interface Content {
  readonly plaintext: PlaintextJson
  readonly raw: Uint8Array
  /** The bytes that the signature covers by their hash. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Refuses a body at step `padding` or `json`. */
export type Refuse = (step: 'padding' | 'json', message: string, field?: string) => MeshError

function parseJson(bytes: Uint8Array, refuse: Refuse): { raw: number; plaintext: PlaintextJson } {
  const text = decodeText(bytes, () => refuse('json', 'the plaintext is no UTF-8'))
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw refuse('json', 'the plaintext is no JSON')
  }
  const parsed = parsePlaintext(json)
  if (!parsed.success)
    throw refuse('json', 'the plaintext misses its schema', parsed.error.issues[0]?.path.join('.'))
  const { raw = 0, ...plaintext } = parsed.data as PlaintextJson & { raw?: unknown }
  if ('raw' in parsed.data && !(Number.isSafeInteger(raw) && (raw as number) > 0)) {
    throw refuse('json', 'raw is a number of bytes', 'raw')
  }
  return { raw: raw as number, plaintext }
}

/** Takes a padded plaintext apart; every length is checked, every byte of padding is zero, no shorter size would have held it. */
export function decodeContent(padded: Uint8Array, refuse: Refuse): Content {
  const jsonEnd = 4 + (new DataView(padded.buffer, padded.byteOffset, padded.length).getUint32(0) as number)
  if (jsonEnd + SIZES.signature > padded.length) throw refuse('padding', 'the JSON is longer than the body')
  const { raw, plaintext } = parseJson(padded.subarray(4, jsonEnd), refuse)
  const end = jsonEnd + raw
  if (end + SIZES.signature > padded.length) throw refuse('padding', 'the raw bytes are longer than the body')
  const rest = padded.subarray(end + SIZES.signature)
  if (!allZero(rest)) throw refuse('padding', 'the padding is not zero')
  if (bodySize(end + SIZES.signature) !== padded.length + TAG)
    throw refuse('padding', 'the body is padded too far')
  return {
    plaintext,
    raw: padded.slice(jsonEnd, end),
    signed: padded.slice(0, end),
    signature: padded.slice(end, end + SIZES.signature),
  }
}
