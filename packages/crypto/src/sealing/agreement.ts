/** Agreement keys: an X25519 and an X-Wing key, so that what is sealed to the pair needs both broken. */
import { type AgreementBundle, concatBytes, MeshError, SIZES } from '@claudemesh/protocol'
import { randomBytes } from '../random.ts'
import { hash } from '../signed-bytes.ts'
import { sodium } from '../sodium.ts'
import { boxFromSeed, boxKey } from './box-key.ts'
import { xwingEncapsulate } from './xwing.ts'

/** The secret halves of an agreement bundle, 32 bytes each (X-Wing's is its seed). */
export interface AgreementSecret {
  readonly x25519: Uint8Array
  readonly xwing: Uint8Array
}

/** What both ends of an encapsulation know: its public bytes, and two secrets that only they share. Wipe it after use. */
export interface Agreed {
  /** Ephemeral X25519 public key 32 ‖ X-Wing encapsulation 1120. */
  readonly opener: Uint8Array
  readonly ephemeral: Uint8Array
  readonly encapsulationHash: Uint8Array
  /** `crypto_box_beforenm`: HSalsa20 of the X25519 secret. */
  readonly box: Uint8Array
  /** The X-Wing shared secret. */
  readonly kem: Uint8Array
}

/** New keys, or those that two 32-byte seeds stand for (`crypto_box_seed_keypair`, `crypto_kem_xwing_seed_keypair`). */
export function generateAgreement(seeds?: { x25519: Uint8Array; xwing: Uint8Array }): {
  bundle: AgreementBundle
  secret: AgreementSecret
} {
  const from = seeds ?? { x25519: randomBytes(32), xwing: randomBytes(32) }
  const box = sodium.crypto_box_seed_keypair(from.x25519)
  const kem = sodium.crypto_kem_xwing_seed_keypair(from.xwing)
  if (!seeds) for (const seed of [from.x25519, from.xwing]) sodium.memzero(seed)
  return {
    bundle: { x25519: box.publicKey, xwing: kem.publicKey },
    secret: { x25519: box.privateKey, xwing: kem.privateKey },
  }
}

/** Splits an opener into its two halves. @throws MeshError `integrity` when it is not 1,152 bytes. */
function halves(opener: Uint8Array): { ephemeral: Uint8Array; encapsulation: Uint8Array } {
  if (opener.length !== SIZES.opener)
    throw new MeshError('integrity', 'an opener has 1,152 bytes', { field: 'opener' })
  return { ephemeral: opener.slice(0, 32), encapsulation: opener.slice(32) }
}

/**
 * Agrees on secrets with whoever holds the secrets of `bundle`; the ephemeral secret is erased at once. About 0.2 ms where the host
 * has X25519, else 0.5.
 * @throws MeshError `integrity` for a bundle whose keys are no keys (small order, not reduced).
 */
export function agreeWith(bundle: AgreementBundle): Agreed {
  const seed = randomBytes(32)
  const coins = randomBytes(64)
  try {
    const { publicKey: ephemeral, box } = boxFromSeed(seed, bundle.x25519)
    const { ciphertext, sharedSecret } = xwingEncapsulate(bundle.xwing, coins)
    return {
      opener: concatBytes(ephemeral, ciphertext),
      ephemeral,
      encapsulationHash: hash('opener', [ciphertext]),
      box,
      kem: sharedSecret,
    }
  } catch (cause) {
    throw new MeshError('integrity', 'nothing can be sealed to this bundle', { field: 'bundle', cause })
  } finally {
    for (const secret of [seed, coins]) sodium.memzero(secret)
  }
}

/**
 * The other end of `agreeWith`. X-Wing rejects implicitly: for a foreign or changed opener other secrets come out.
 * @throws MeshError `integrity` for an opener of a wrong size or with an X25519 key of small order.
 */
export function agreeFrom(opener: Uint8Array, secret: AgreementSecret): Agreed {
  const { ephemeral, encapsulation } = halves(opener)
  try {
    return {
      opener,
      ephemeral,
      encapsulationHash: hash('opener', [encapsulation]),
      box: boxKey(secret.x25519, ephemeral),
      kem: sodium.crypto_kem_xwing_dec(encapsulation, secret.xwing),
    }
  } catch (cause) {
    throw new MeshError('integrity', 'this opener opens nothing', { field: 'opener', cause })
  }
}

/** Erases the shared secrets of an agreement. */
export function wipe(agreed: Agreed): void {
  sodium.memzero(agreed.box)
  sodium.memzero(agreed.kem)
}

/** The 16 bytes that name an opener: the beginning of the hash of (ephemeral key, encapsulation). */
export function openerId(opener: Uint8Array): Uint8Array {
  const { ephemeral, encapsulation } = halves(opener)
  return hash('opener', [ephemeral, encapsulation]).slice(0, SIZES.openerId)
}

/** Overwrites both secrets where they lie. */
export function eraseAgreement({ x25519, xwing }: AgreementSecret): void {
  for (const secret of [x25519, xwing]) sodium.memzero(secret)
}
