/** The broker's own mark of an envelope's bytes, by which a repeat is told from a conflict; never leaves it. */
import type { RawEnvelope } from '@claudemesh/protocol'

/** SHA-256 over the item as it stood in its frame: header, slots with their lengths, body, which `scanSend` views in place. */
export function contentHash({ header, body }: Pick<RawEnvelope, 'header' | 'body'>): Uint8Array {
  const size = body.byteOffset + body.length - header.byteOffset
  return Bun.SHA256.hash(new Uint8Array(header.buffer, header.byteOffset, size)) as Uint8Array
}
