/** Ed25519 over `signedBytes`, and over nothing else. */
import { randomBytes } from './random.ts'
import { signDetached } from './sign-detached.ts'
import { type Domain, type Field, signedBytes } from './signed-bytes.ts'
import { sodium } from './sodium.ts'
import { verifyDetached, verifyDetachedAside } from './verify-detached.ts'

/** An ed25519 key pair: public 32 bytes, secret 64 bytes (libsodium's form: seed ‖ public). */
export interface Signer {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

/** A new key pair, or the one that a 32-byte seed stands for. The seed passed in is left as it is. */
export function generateSigner(seed?: Uint8Array): Signer {
  const from = seed ?? randomBytes(32)
  const { publicKey, privateKey } = sodium.crypto_sign_seed_keypair(from)
  if (!seed) sodium.memzero(from)
  return { publicKey, secretKey: privateKey }
}

/** A 64-byte signature over `signedBytes(domain, fields)` (RFC 8032, deterministic). */
export function sign(domain: Domain, fields: readonly Field[], secretKey: Uint8Array): Uint8Array {
  return signDetached(signedBytes(domain, fields), secretKey)
}

/** True when `publicKey` signed exactly these fields. Never throws: what cannot be signed was not signed. */
export function verify(
  domain: Domain,
  fields: readonly Field[],
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  try {
    return verifyDetached(signature, signedBytes(domain, fields), publicKey)
  } catch {
    return false
  }
}

/** As `verify`, on another thread where the host has one: the fields are read at once, the verdict comes later. Never rejects. */
export function verifyAside(
  domain: Domain,
  fields: readonly Field[],
  signature: Uint8Array,
  publicKey: Uint8Array,
): Promise<boolean> {
  try {
    return verifyDetachedAside(signature, signedBytes(domain, fields), publicKey)
  } catch {
    return Promise.resolve(false)
  }
}
