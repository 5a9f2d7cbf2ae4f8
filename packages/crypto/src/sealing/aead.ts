/** XChaCha20-Poly1305 (libsodium, IETF form): what does not open is `undefined`, never bytes. */
import { sodium } from '../sodium.ts'

export const TAG = 16

/** Ciphertext with its 16-byte tag at the end. */
export const encrypt = (
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array => sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, ad, null, nonce, key)

/** The plaintext, or `undefined` when key, nonce, associated data or a single bit is another. */
export function decrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  ad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  try {
    return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, ad, nonce, key)
  } catch {
    return undefined
  }
}
