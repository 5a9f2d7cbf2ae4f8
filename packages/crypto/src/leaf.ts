/** Leaves of the audit tree: RFC 6962 leaf hashes over signedBytes, the same bytes that the database hashes in SQL. */
import { concatBytes } from '@claudemesh/protocol'
import { sha256 } from '@noble/hashes/sha2.js'
import { encodeFields, type Field, signedBytes } from './signed-bytes.ts'

export type LeafType =
  | 'attached'
  | 'detached'
  | 'accepted'
  | 'delivered'
  | 'expired'
  | 'dropped'
  | 'roster'
  | 'invite-used'
  | 'invite-refused'
  | 'auth-refused'
  | 'limited'
  | 'checkpoint'

export interface Leaf {
  /** 16 random bytes: a pruned leaf's hash says nothing about it. */
  readonly salt: Uint8Array
  readonly index: number
  /** ms since 1970. */
  readonly at: number
  readonly type: LeafType
  readonly fields: readonly Field[]
}

/** SHA-256(0x00 ‖ signedBytes(`leaf`; salt, index, at, type, encodeFields(fields))), 32 bytes (RFC 6962 section 2.1). */
export function leafHash(leaf: Leaf): Uint8Array {
  const bytes = signedBytes('leaf', [leaf.salt, leaf.index, leaf.at, leaf.type, encodeFields(leaf.fields)])
  return sha256(concatBytes(Uint8Array.of(0), bytes))
}
