/** crypto's `recipientsHash`, laid out by hand and hashed natively: it is computed per envelope on the hot path, and a test holds it to the original. */
import { signedBytes } from '@claudemesh/crypto'
import type { EnvelopeTo } from '@claudemesh/protocol'

const DOMAIN = signedBytes('envelope', [])
const ABSENT = 0xffff_ffff

/** The hash of `to[]` that stands in the `accepted` leaf: 32 bytes. */
export function recipientsHash(to: readonly EnvelopeTo[]): Uint8Array {
  let size = DOMAIN.length + 8
  for (const { recipient, prekeyId, slotHash } of to)
    size +=
      16 + recipient.member.length + (recipient.session?.length ?? 0) + prekeyId.length + slotHash.length
  const bytes = Buffer.allocUnsafe(size)
  bytes.set(DOMAIN)
  let at = bytes.writeUInt32BE(size - DOMAIN.length - 4, DOMAIN.length)
  at = bytes.writeUInt32BE(to.length, at)
  const put = (field: Uint8Array | null) => {
    at = bytes.writeUInt32BE(field === null ? ABSENT : field.length, at)
    if (field === null) return
    bytes.set(field, at)
    at += field.length
  }
  for (const { recipient, prekeyId, slotHash } of to) {
    put(recipient.member)
    put(recipient.session)
    put(prekeyId)
    put(slotHash)
  }
  return Bun.CryptoHasher.hash('blake2b256', bytes)
}
