/** Lays a batch out for `commit_batch`: bytes in one block, everybody named once, the rest as arrays of numbers. */
import type { Recipient } from '@claudemesh/protocol'
import { numberArray } from './array-text.ts'
import { bytesIndex } from './bytes-index.ts'
import type { AcceptItem, AckItem } from './delivery-types.ts'
import type { PackBuffers } from './pack-buffers.ts'

const HASH_BYTES = 32
const SALT_BYTES = 16
const ID_BYTES = 16
const LENGTH_BYTES = 4
/** In an item: behind its content hash the head of the leaf, then its salt; its id. */
const SALT_AT = 55
const ID_AT = 79
/** What an item holds before its header: content hash, head of the leaf's hashed bytes, the leaf's fields but for seq. */
const FIXED_PERSON = 175
const FIXED_SESSION = 207
const WHO_STRIDE = 64
const ABSENT = 0xffff_ffff
/** RFC 6962's prefix of a leaf, the domain of its signedBytes, the length of the salt that follows. */
const LEAF_HEAD = Buffer.from('\0claudemesh/v1/leaf\0\0\0\x10', 'latin1')
const EMPTY = Buffer.alloc(0)

/** A batch laid out. */
export interface PackedBatch {
  /** The arguments of `commit_batch` in its order but for the forecast; arrays in Postgres's text form. */
  readonly parameters: (string | Uint8Array)[]
  /** The one mesh of the batch; `null` where it names several. */
  readonly mesh: Uint8Array | null
  readonly pack: Buffer
  /** Of items with one recipient each: where it begins in the pack (from 1), lengths, end of ttl, as arrays in text form. */
  readonly columns: Readonly<Record<'off' | 'header' | 'body' | 'expires' | 'slots', string>>
  /** Where each item begins in the pack, from 1. */
  readonly offsets: readonly number[]
  /** 32 where every sender is a person, 64 where each is a session; `null` where they differ or an item has several recipients. */
  readonly senderBytes: 32 | 64 | null
}

/** Lays a batch out, in memory that `buffers` gets back when its call is answered. */
export function packBatch(
  accepts: readonly AcceptItem[],
  acks: readonly AckItem[],
  buffers: PackBuffers,
): PackedBatch {
  const named = new Named()
  const sole = accepts.every(item => item.to.length === 1)
  // In the order of `commit_batch`.
  const columns = {
    from: [] as number[],
    off: [] as number[],
    header: [] as number[],
    body: [] as number[],
    expires: [] as number[],
    first: [] as number[],
    count: [] as number[],
  }
  const targets = { item: [] as number[], who: [] as number[], off: [] as number[], len: [] as number[] }
  const pack = new Pack(accepts, buffers)
  for (const [i, item] of accepts.entries()) {
    columns.from.push(named.place(item.mesh, item.from))
    columns.off.push(pack.at + 1)
    columns.header.push(item.header.length)
    columns.body.push(item.body.length)
    columns.expires.push(item.expiresAt)
    if (!sole) {
      columns.first.push(targets.who.length + 1)
      columns.count.push(item.to.length)
    }
    pack.head(item)
    for (const { recipient, slot } of item.to) {
      targets.who.push(named.place(item.mesh, recipient))
      targets.len.push(slot.length)
      if (!sole) {
        targets.item.push(i + 1)
        targets.off.push(pack.at + 1)
      }
      pack.put(slot)
    }
  }
  const ackers = acks.map(ack => named.place(ack.mesh, ack.recipient))
  const lists = Object.values(columns).map(numberArray)
  const slots = numberArray(targets.len)
  const parameters = [
    named.meshes(),
    numberArray(named.meshOf),
    numberArray(named.lengths),
    named.keys(),
    ...lists,
    numberArray(targets.item),
    numberArray(targets.who),
    numberArray(targets.off),
    slots,
    numberArray(ackers),
    numberArray(acks.map(ack => ack.attachment)),
    numberArray(acks.map(ack => ack.upTo)),
    pack.bytes,
  ]
  const [, off, header, body, expires] = lists as [string, string, string, string, string]
  const sessions = accepts.reduce((n, item) => n + (item.from.session ? 1 : 0), 0)
  return {
    parameters,
    mesh: named.onlyMesh(),
    pack: pack.bytes,
    columns: { off, header, body, expires, slots },
    offsets: columns.off,
    senderBytes: !sole ? null : sessions === 0 ? 32 : sessions === accepts.length ? 64 : null,
  }
}

/** Items one behind the other, as `20_commit.sql` says. */
class Pack {
  readonly bytes: Buffer
  at = 0
  private readonly salts: Buffer
  private salted = 0
  private sender: Recipient | undefined
  /** What the items of `sender` begin with, but for what is their own. */
  private fixed: Buffer = EMPTY

  constructor(items: readonly AcceptItem[], buffers: PackBuffers) {
    let size = 0
    for (let i = 0; i < items.length; i++) size += itemBytes(items[i]!)
    this.bytes = buffers.take(size)
    this.salts = crypto.getRandomValues(Buffer.allocUnsafe(items.length * SALT_BYTES))
  }

  /** All of an item but its slots. */
  head(item: AcceptItem): void {
    const { bytes, at } = this
    if (this.sender !== item.from) {
      this.sender = item.from
      this.fixed = fixedPart(item.from)
    }
    const end = at + this.fixed.length
    bytes.set(this.fixed, at)
    bytes.set(own(item.contentHash, HASH_BYTES), at)
    this.salts.copy(bytes, at + SALT_AT, this.salted, this.salted + SALT_BYTES)
    bytes.set(own(item.id, ID_BYTES), at + ID_AT)
    bytes.set(own(item.recipientsHash, HASH_BYTES), end - HASH_BYTES)
    bytes.set(item.header, end)
    bytes.set(item.body, end + item.header.length)
    this.salted += SALT_BYTES
    this.at = end + item.header.length + item.body.length
  }

  put(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }
}

/** An item up to its header: head of the leaf and fields, empty where each item has its own hashes, salt and id. */
function fixedPart({ member, session }: Recipient): Buffer {
  const bytes = Buffer.alloc(session === null ? FIXED_PERSON : FIXED_SESSION)
  bytes.set(LEAF_HEAD, HASH_BYTES)
  bytes.writeUInt32BE(8, SALT_AT + SALT_BYTES)
  bytes.writeUInt32BE(ID_BYTES, ID_AT - LENGTH_BYTES)
  let at = field(bytes, member, ID_AT + ID_BYTES)
  at = session === null ? bytes.writeUInt32BE(ABSENT, at) : field(bytes, session, at)
  at = bytes.writeUInt32BE(8, at)
  bytes.writeUInt32BE(HASH_BYTES, at)
  return bytes
}

/** Puts a field with its length; answers where it ends. */
function field(bytes: Buffer, value: Uint8Array, at: number): number {
  bytes.set(value, bytes.writeUInt32BE(value.length, at))
  return at + LENGTH_BYTES + value.length
}

/** A field that is laid out by its size must have it: another would stand in its neighbours. */
function own(value: Uint8Array, size: number): Uint8Array {
  if (value.length !== size) throw new RangeError(`${size} bytes expected`)
  return value
}

/** Bytes of one item in the pack. */
export function itemBytes({ from, header, body, to }: AcceptItem): number {
  let size = (from.session ? FIXED_SESSION : FIXED_PERSON) + header.length + body.length
  for (let i = 0; i < to.length; i++) size += to[i]!.slot.length
  return size
}

/** Hands out places from 1 for recipients and meshes, the same for the same. */
class Named {
  readonly meshOf: number[] = []
  readonly lengths: number[] = []
  /** What was placed already by the object itself: the same object is asked for again and again. */
  private readonly known = new Map<Uint8Array, Map<Recipient, number>>()
  private readonly meshPlaces = new Map<string, number>()
  private readonly meshBytes: Uint8Array[] = []
  private readonly places = new Map<string, number>()
  private readonly members: Recipient[] = []

  place(mesh: Uint8Array, who: Recipient): number {
    const inMesh = this.known.get(mesh)
    const place = inMesh?.get(who) ?? this.placeByBytes(mesh, who)
    if (inMesh === undefined) this.known.set(mesh, new Map([[who, place]]))
    else inMesh.set(who, place)
    return place
  }

  private placeByBytes(mesh: Uint8Array, who: Recipient): number {
    const meshPlace = this.meshPlace(mesh)
    const key = `${meshPlace}${bytesIndex(who.member)}${who.session ? bytesIndex(who.session) : ''}`
    const known = this.places.get(key)
    if (known) return known
    this.meshOf.push(meshPlace)
    this.lengths.push(who.session ? 64 : 32)
    this.members.push(who)
    this.places.set(key, this.members.length)
    return this.members.length
  }

  meshes = (): Buffer => Buffer.concat(this.meshBytes)
  onlyMesh = (): Uint8Array | null => (this.meshBytes.length === 1 ? this.meshBytes[0]! : null)

  keys(): Buffer {
    const out = Buffer.alloc(this.members.length * WHO_STRIDE)
    for (const [i, { member, session }] of this.members.entries()) {
      out.set(member, i * WHO_STRIDE)
      if (session) out.set(session, i * WHO_STRIDE + 32)
    }
    return out
  }

  private meshPlace(mesh: Uint8Array): number {
    const key = bytesIndex(mesh)
    const known = this.meshPlaces.get(key)
    if (known) return known
    this.meshBytes.push(mesh)
    this.meshPlaces.set(key, this.meshBytes.length)
    return this.meshBytes.length
  }
}
