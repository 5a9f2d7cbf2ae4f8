/** X25519 (RFC 7748) by the host's own implementation where there is one: the same bytes as libsodium's in a fifth of the time. */
import type * as NodeCrypto from 'node:crypto'
import { concatBytes } from '@claudemesh/protocol'
import { sodium } from '../sodium.ts'

type Host = Pick<typeof NodeCrypto, 'createPrivateKey' | 'createPublicKey' | 'diffieHellman'>

/** Bun and Node; a browser has none that answers at once. */
const host: Host | undefined = (
  globalThis.process as { getBuiltinModule?: (name: string) => Host } | undefined
)?.getBuiltinModule?.('node:crypto')

/** What stands before the 32 bytes of a key in its PrivateKeyInfo and in its SubjectPublicKeyInfo (RFC 8410). */
const PKCS8 = Uint8Array.of(
  ...[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20],
)
const SPKI = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00)

/** 32 bytes each. */
export interface Exchange {
  readonly publicKey: Uint8Array
  readonly shared: Uint8Array
}

/**
 * The public key of `secret` and what it shares with the owner of `theirs` (32 bytes each). `undefined` where the host has no word,
 * or a no, as for a point of small order: then libsodium is to be asked.
 */
export function hostExchange(secret: Uint8Array, theirs: Uint8Array): Exchange | undefined {
  if (!host || secret.length !== 32 || theirs.length !== 32) return undefined
  const der = concatBytes(PKCS8, secret)
  try {
    const privateKey = host.createPrivateKey({ key: der as unknown as Buffer, format: 'der', type: 'pkcs8' })
    const spki = concatBytes(SPKI, theirs) as unknown as Buffer
    const publicKey = host.createPublicKey({ key: spki, format: 'der', type: 'spki' })
    const given = host.diffieHellman({ privateKey, publicKey })
    const shared = Uint8Array.from(given)
    given.fill(0)
    const own = host.createPublicKey(privateKey as never).export({ format: 'der', type: 'spki' })
    return { publicKey: new Uint8Array(own.subarray(SPKI.length)), shared }
  } catch {
    return undefined
  } finally {
    sodium.memzero(der)
  }
}
