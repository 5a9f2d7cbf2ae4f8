/** The token of one session's `/hook/set-status`: 32 random bytes, of which the broker keeps only the hash. */
import { fromBase64url, toBase64url } from '@claudemesh/protocol'

/** Base64url of 32 random bytes. */
export const newHookToken = (): string => toBase64url(crypto.getRandomValues(new Uint8Array(32)))

/** SHA-256 of a token; random 32 bytes need no slow hash. */
export const hookTokenHash = (token: string): Uint8Array =>
  new Bun.CryptoHasher('sha256').update(token).digest()

/** The token of an `Authorization: Bearer` header, or `undefined` for anything else. */
export function bearerToken(header: string | null): string | undefined {
  const token = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(header ?? '')?.[1]
  return token !== undefined && fromBase64url(token)?.length === 32 ? token : undefined
}
