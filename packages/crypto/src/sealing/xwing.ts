/** X-Wing (draft-connolly-cfrg-xwing-kem), of libsodium's ML-KEM-768 and the host's X25519: the bytes of `crypto_kem_xwing`, in half of its time. */
import { concatBytes } from '@claudemesh/protocol'
import { sodium } from '../sodium.ts'
import { hostExchange } from './host-x25519.ts'

/** Of an X-Wing public key and of its coins, what ML-KEM-768 takes. */
const MLKEM_KEY_BYTES = 1184
const MLKEM_COINS_BYTES = 32
/** `\.//^\` */
const LABEL = Uint8Array.of(0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c)

/**
 * `crypto_kem_xwing_enc_deterministic`: `publicKey` of 1,216 bytes, `coins` of 64 random ones; the ciphertext has 1,120, the shared
 * secret 32. Throws for a key that is none.
 */
export function xwingEncapsulate(
  publicKey: Uint8Array,
  coins: Uint8Array,
): { readonly ciphertext: Uint8Array; readonly sharedSecret: Uint8Array } {
  const theirs = publicKey.slice(MLKEM_KEY_BYTES)
  const secret = coins.slice(MLKEM_COINS_BYTES)
  const x25519 = hostExchange(secret, theirs)
  sodium.memzero(secret)
  if (!x25519) return sodium.crypto_kem_xwing_enc_deterministic(publicKey, coins)
  const mlkem = sodium.crypto_kem_mlkem768_enc_deterministic(
    publicKey.subarray(0, MLKEM_KEY_BYTES),
    coins.subarray(0, MLKEM_COINS_BYTES),
  )
  const joined = concatBytes(mlkem.sharedSecret, x25519.shared, x25519.publicKey, theirs, LABEL)
  const sharedSecret = sodium.crypto_hash_sha3256(joined)
  for (const bytes of [mlkem.sharedSecret, x25519.shared, joined]) sodium.memzero(bytes)
  return { ciphertext: concatBytes(mlkem.ciphertext, x25519.publicKey), sharedSecret }
}
