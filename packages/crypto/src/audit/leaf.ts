/** Leaves of the audit tree: RFC 6962 leaf hashes over signedBytes, the same bytes that the database hashes in SQL. */
import { concatBytes, MeshError, type Recipient } from '@claudemesh/protocol'
import { sha256 as noble } from '@noble/hashes/sha2.js'
import { encodeBehind, encodeFields, type Field, signedBytes } from '../signed-bytes.ts'
import type { Sha256 } from './tree.ts'

type Form = 'bytes' | 'number' | 'text' | 'recipient'

/** What each leaf says, in the order of its fields; a recipient is two of them. */
export const LEAF_FIELDS = {
  attached: { recipient: 'recipient', attachment: 'number' },
  detached: { recipient: 'recipient', attachment: 'number' },
  accepted: { id: 'bytes', from: 'recipient', seq: 'number', toHash: 'bytes' },
  delivered: { recipient: 'recipient', firstSeq: 'number', lastSeq: 'number' },
  expired: { id: 'bytes', from: 'recipient', to: 'recipient', seq: 'number' },
  dropped: { id: 'bytes', from: 'recipient', to: 'recipient', seq: 'number' },
  roster: { seq: 'number', hash: 'bytes', kind: 'text' },
  'invite-used': { invite: 'bytes', member: 'bytes', seq: 'number' },
  'invite-refused': { invite: 'bytes', address: 'bytes', why: 'text', count: 'number' },
  'auth-refused': { address: 'bytes', why: 'text', count: 'number' },
  limited: { address: 'bytes', why: 'text', count: 'number' },
  checkpoint: { size: 'number', root: 'bytes' },
} as const satisfies Record<string, Record<string, Form>>
export type LeafType = keyof typeof LEAF_FIELDS

export const isLeafType = (word: string): word is LeafType => Object.hasOwn(LEAF_FIELDS, word)

/** A leaf as it is stored: its fields in `encodeFields` form. */
export interface StoredLeaf {
  /** 16 random bytes: a pruned leaf's hash says nothing about it. */
  readonly salt: Uint8Array
  readonly index: number
  /** ms since 1970. */
  readonly at: number
  readonly type: string
  readonly fields: Uint8Array
}

/** A leaf as a log shows it. Without a body it is `pruned` by retention, or not the reader's to see. */
export interface ShownLeaf {
  readonly index: number
  readonly hash: Uint8Array
  readonly body: Omit<StoredLeaf, 'index'> | null
  readonly pruned: boolean
}

export interface Leaf extends Omit<StoredLeaf, 'type' | 'fields'> {
  readonly type: LeafType
  readonly fields: readonly Field[]
}

/** What every leaf's hashed bytes begin with. */
const HEAD = concatBytes(Uint8Array.of(0), signedBytes('leaf', []))

/** Where the salt begins in what a leaf's hash is over. */
export const SALT_AT = HEAD.length + 4

/** What a leaf's hash is over: 0x00 ‖ signedBytes(`leaf`; salt, index, at, type, fields). */
export const storedLeafBytes = (leaf: StoredLeaf): Uint8Array =>
  encodeBehind(HEAD, [leaf.salt, leaf.index, leaf.at, leaf.type, leaf.fields])

/** SHA-256(`storedLeafBytes(leaf)`), 32 bytes (RFC 6962 section 2.1). */
export const storedLeafHash = (leaf: StoredLeaf, sha256: Sha256 = noble): Uint8Array =>
  sha256(storedLeafBytes(leaf))

/** The same for fields that are not encoded yet. */
export const leafHash = (leaf: Leaf): Uint8Array =>
  storedLeafHash({ ...leaf, fields: encodeFields(leaf.fields) })

type LeafValue = Uint8Array | number | string | Recipient | null

/** The fields of a leaf by name. Throws `bad-field` for bytes that are not the fields of this type. */
export function readLeafFields(type: LeafType, bytes: Uint8Array): Record<string, LeafValue> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const next = (): Uint8Array | null => {
    if (at + 4 > bytes.length) throw broken(type)
    const size = view.getUint32(at)
    at += 4
    if (size === 0xffff_ffff) return null
    if (at + size > bytes.length) throw broken(type)
    at += size
    return bytes.subarray(at - size, at)
  }
  const found: Record<string, LeafValue> = {}
  for (const [name, form] of Object.entries<Form>(LEAF_FIELDS[type]))
    found[name] = readValue(type, form, next)
  if (at !== bytes.length) throw broken(type)
  return found
}

function readValue(type: LeafType, form: Form, next: () => Uint8Array | null): LeafValue {
  const bytes = next()
  if (form === 'recipient') {
    if (bytes?.length !== 32) throw broken(type)
    return { member: bytes, session: next() }
  }
  if (form === 'bytes') return bytes
  if (bytes === null) throw broken(type)
  if (form === 'text') return new TextDecoder().decode(bytes)
  if (bytes.length !== 8) throw broken(type)
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0))
}

const broken = (type: string) =>
  new MeshError('bad-field', `not the fields of a leaf '${type}'`, { field: 'fields' })
