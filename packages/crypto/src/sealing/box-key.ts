/** `crypto_box_beforenm` for an ephemeral key: HSalsa20 of the X25519 secret, by the host where it can. */
import { hsalsa } from '@noble/ciphers/salsa.js'
import { sodium } from '../sodium.ts'
import { hostExchange } from './host-x25519.ts'

const words = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
const SIGMA = words(new TextEncoder().encode('expand 32-byte k').slice())
const ZERO = new Uint32Array(4)
/** Words of the platform are read as they lie. */
const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/** `crypto_box_beforenm(theirs, secret)`, 32 bytes. Throws for a key of small order. */
export const boxKey = (secret: Uint8Array, theirs: Uint8Array): Uint8Array =>
  exchanged(secret, theirs)?.box ?? sodium.crypto_box_beforenm(theirs, secret)

/**
 * The public key that `crypto_box_seed_keypair(seed)` gives, and what `crypto_box_beforenm` makes of its secret and `theirs`; 32 bytes
 * each. Throws for a key of small order.
 */
export function boxFromSeed(seed: Uint8Array, theirs: Uint8Array): BoxKey {
  const hashed = sodium.crypto_hash(seed)
  const secret = hashed.slice(0, 32)
  try {
    return (
      exchanged(secret, theirs) ?? {
        publicKey: sodium.crypto_scalarmult_base(secret),
        box: sodium.crypto_box_beforenm(theirs, secret),
      }
    )
  } finally {
    for (const bytes of [hashed, secret]) sodium.memzero(bytes)
  }
}

interface BoxKey {
  readonly publicKey: Uint8Array
  readonly box: Uint8Array
}

function exchanged(secret: Uint8Array, theirs: Uint8Array): BoxKey | undefined {
  const made = littleEndian ? hostExchange(secret, theirs) : undefined
  if (!made) return undefined
  const box = new Uint8Array(32)
  hsalsa(SIGMA, words(made.shared), ZERO, words(box))
  sodium.memzero(made.shared)
  return { publicKey: made.publicKey, box }
}
