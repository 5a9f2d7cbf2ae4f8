/** The two proofs of a socket: `hello` says who dials which broker, `attach` says for which session. Neither can be replayed. */
import type { Field } from './signed-bytes.ts'
import { type Signer, sign, verify } from './signer.ts'

interface Challenge {
  /** 32 bytes of the broker's `challenge`, used once. */
  readonly nonce: Uint8Array
  readonly brokerKey: Uint8Array
  /** As dialled: host or host:port. */
  readonly host: string
}

/** `mesh` is `null` where the broker finds it by an invite code. */
export interface HelloProof extends Challenge {
  readonly mesh: Uint8Array | null
}

/** `certificateHash` is `null` for the person, who attaches without a certificate. */
export interface AttachProof extends Challenge {
  readonly certificateHash: Uint8Array | null
  readonly prekeyId: Uint8Array
}

const helloFields = (p: HelloProof, key: Uint8Array): Field[] => [p.nonce, p.brokerKey, p.host, p.mesh, key]
const attachFields = (p: AttachProof): Field[] => [
  p.nonce,
  p.brokerKey,
  p.host,
  p.certificateHash,
  p.prekeyId,
]

/** Signs a `hello` with a member key, or with an invite key (then `mesh` is `null`). */
export const signHello = (p: HelloProof & { readonly key: Signer }): Uint8Array =>
  sign('hello', helloFields(p, p.key.publicKey), p.key.secretKey)

/** True when `key` signed this `hello`. Never throws. */
export const verifyHello = (
  p: HelloProof & { readonly key: Uint8Array; readonly signature: Uint8Array },
): boolean => verify('hello', helloFields(p, p.key), p.signature, p.key)

/** Signs an `attach` with the session key, or with the member key of `hello` for the person. */
export const signAttach = (p: AttachProof & { readonly signer: Signer }): Uint8Array =>
  sign('attach', attachFields(p), p.signer.secretKey)

/** True when `key` signed this `attach`. Never throws. */
export const verifyAttach = (
  p: AttachProof & { readonly key: Uint8Array; readonly signature: Uint8Array },
): boolean => verify('attach', attachFields(p), p.signature, p.key)
