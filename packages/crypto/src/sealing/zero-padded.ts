/** Texts in boxes of fixed sizes: a length, the bytes, and zeros that are checked to be zero. */
import type { MeshError } from '@claudemesh/protocol'

const utf8 = new TextEncoder()
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** True when every byte is zero. */
export const allZero = (bytes: Uint8Array): boolean => bytes.every(byte => byte === 0)

/** The text of UTF-8 bytes; throws what `refuse` makes for bytes that are none. */
export function decodeText(bytes: Uint8Array, refuse: () => MeshError): string {
  try {
    return strict.decode(bytes)
  } catch {
    throw refuse()
  }
}

/** A big-endian length of `prefix` bytes, the text in UTF-8, zeros up to `size`; `undefined` when it does not fit. */
export function padText(
  text: string,
  prefix: 2 | 4,
  size: (content: number) => number,
): Uint8Array | undefined {
  const bytes = utf8.encode(text)
  const total = size(prefix + bytes.length)
  if (total < prefix + bytes.length) return undefined
  const out = new Uint8Array(total)
  const view = new DataView(out.buffer)
  if (prefix === 2) view.setUint16(0, bytes.length)
  else view.setUint32(0, bytes.length)
  out.set(bytes, prefix)
  return out
}

/** What `padText` padded; throws what `refuse` makes for a length that does not fit, a byte of padding, or no UTF-8. */
export function unpadText(padded: Uint8Array, prefix: 2 | 4, refuse: () => MeshError): string {
  const view = new DataView(padded.buffer, padded.byteOffset, padded.length)
  if (padded.length < prefix) throw refuse()
  const end = prefix + (prefix === 2 ? view.getUint16(0) : view.getUint32(0))
  if (end > padded.length || !allZero(padded.subarray(end))) throw refuse()
  return decodeText(padded.subarray(prefix, end), refuse)
}
