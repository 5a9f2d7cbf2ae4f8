/**
 * Ed25519 signatures by the host's own implementation where there is one: a fifth of what WebAssembly takes. RFC 8032 leaves no choice in
 * a signature, so both give the same bytes for the same key.
 */
import type * as NodeCrypto from 'node:crypto'
import { sodium } from './sodium.ts'

type Host = Pick<typeof NodeCrypto, 'createPrivateKey' | 'sign'>
type KeyObject = ReturnType<Host['createPrivateKey']>

/** Bun and Node; a browser has none that answers at once. */
const host: Host | undefined = (
  globalThis.process as { getBuiltinModule?: (name: string) => Host } | undefined
)?.getBuiltinModule?.('node:crypto')

/** What stands before the 32 bytes of an ed25519 seed in its PrivateKeyInfo (RFC 8410). */
const PKCS8 = Uint8Array.of(
  ...[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20],
)

/** Goes with the bytes it was made of. */
const keys = new WeakMap<Uint8Array, KeyObject>()

/** The 64-byte signature by `secretKey` (64 bytes, seed ‖ public). Throws for a key of another length. */
export function signDetached(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  if (!host || secretKey.length !== 64) return sodium.crypto_sign_detached(message, secretKey)
  let key = keys.get(secretKey)
  if (!key) {
    key = hostKey(host, secretKey)
    keys.set(secretKey, key)
  }
  return new Uint8Array(host.sign(null, message, key))
}

function hostKey({ createPrivateKey }: Host, secretKey: Uint8Array): KeyObject {
  const der = new Uint8Array(PKCS8.length + 32)
  der.set(PKCS8)
  der.set(secretKey.subarray(0, 32), PKCS8.length)
  const key = createPrivateKey({ key: der as Buffer, format: 'der', type: 'pkcs8' })
  sodium.memzero(der)
  return key
}
