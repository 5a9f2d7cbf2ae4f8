/** The broker's own mark of an envelope's bytes, by which a repeat is told from a conflict; never leaves it. */
import type { RawEnvelope } from '@claudemesh/protocol'

/** SHA-256 over header, slots and body. The header fixes how many slots and how long a body; slots carry their length. */
export function contentHash({
  header,
  slots,
  body,
}: Pick<RawEnvelope, 'header' | 'slots' | 'body'>): Uint8Array {
  const hasher = new Bun.CryptoHasher('sha256')
  hasher.update(header)
  for (const slot of slots) {
    // Two lengths are possible (opener or its id): the first byte tells them apart.
    hasher.update(slot.length === 80 ? SHORT : LONG)
    hasher.update(slot)
  }
  hasher.update(body)
  return hasher.digest()
}
const SHORT = new Uint8Array([0])
const LONG = new Uint8Array([1])
