/** Lays a batch out for `commit_batch` and `commit_one`: bytes in one block, everybody named once, the rest as arrays of numbers. */
import type { Recipient } from '@claudemesh/protocol'
import { bytesIndex } from './bytes-index.ts'
import type { AcceptItem, AckItem } from './delivery-types.ts'
import { recipientKey } from './recipient-key.ts'

const SALT_BYTES = 16
const LENGTH_BYTES = 4
/** What an item holds before its header: content hash, head of the leaf's hashed bytes, the leaf's fields but for seq. */
const FIXED_PERSON = 175
const FIXED_SESSION = 207
const WHO_STRIDE = 64
const ABSENT = 0xffff_ffff
/** RFC 6962's prefix of a leaf, the domain of its signedBytes, the length of the salt that follows. */
const LEAF_HEAD = Buffer.from('\0claudemesh/v1/leaf\0\0\0\x10', 'latin1')

/** A batch laid out. */
export interface PackedBatch {
  /** The arguments of `commit_batch` in its order but for the forecast; arrays in Postgres's text form. */
  readonly parameters: (string | Uint8Array)[]
  /** The one mesh of the batch; `null` where it names several. */
  readonly mesh: Uint8Array | null
  readonly pack: Buffer
  /** Where each item begins in the pack, from 1. */
  readonly offsets: readonly number[]
  /** 32 where every sender is a person, 64 where each is a session; `null` where they differ or an item has several recipients. */
  readonly senderBytes: 32 | 64 | null
}

/** Lays a batch out. */
export function packBatch(accepts: readonly AcceptItem[], acks: readonly AckItem[]): PackedBatch {
  const named = new Named()
  const sole = accepts.every(item => item.to.length === 1)
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
  const pack = new Pack(accepts)
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
  const parameters = [
    named.meshes(),
    list(named.meshOf),
    list(named.lengths),
    named.keys(),
    ...Object.values(columns).map(list),
    ...Object.values(targets).map(list),
    list(ackers),
    list(acks.map(ack => ack.attachment)),
    list(acks.map(ack => ack.upTo)),
    pack.bytes,
  ]
  const sessions = accepts.reduce((n, item) => n + (item.from.session ? 1 : 0), 0)
  return {
    parameters,
    mesh: named.onlyMesh(),
    pack: pack.bytes,
    offsets: columns.off,
    senderBytes: !sole ? null : sessions === 0 ? 32 : sessions === accepts.length ? 64 : null,
  }
}

/** The arguments of `commit_one` in its order, for an item with one recipient. */
export function packOne(item: AcceptItem): (number | Uint8Array)[] {
  const { recipient, slot } = item.to[0]!
  const pack = new Pack([item])
  pack.head(item)
  pack.put(slot)
  return [
    item.mesh,
    recipientKey(item.from),
    recipientKey(recipient),
    item.header.length,
    item.body.length,
    slot.length,
    item.expiresAt,
    pack.bytes,
  ]
}

/** Items one behind the other, as `20_commit.sql` says. */
class Pack {
  readonly bytes: Buffer
  at = 0
  private readonly salts: Uint8Array
  private salted = 0

  constructor(items: readonly AcceptItem[]) {
    this.bytes = Buffer.allocUnsafe(items.reduce((sum, item) => sum + itemBytes(item), 0))
    this.salts = crypto.getRandomValues(new Uint8Array(items.length * SALT_BYTES))
  }

  /** All of an item but its slots. */
  head(item: AcceptItem): void {
    this.put(item.contentHash)
    this.put(LEAF_HEAD)
    this.put(this.salts.subarray(this.salted, this.salted + SALT_BYTES))
    this.salted += SALT_BYTES
    this.length(8)
    this.field(item.id)
    this.field(item.from.member)
    if (item.from.session) this.field(item.from.session)
    else this.length(ABSENT)
    this.length(8)
    this.field(item.recipientsHash)
    this.put(item.header)
    this.put(item.body)
  }

  put(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  private field(bytes: Uint8Array): void {
    this.length(bytes.length)
    this.put(bytes)
  }

  private length(length: number): void {
    this.bytes.writeUInt32BE(length, this.at)
    this.at += LENGTH_BYTES
  }
}

/** Bytes of one item in the pack. */
export const itemBytes = (item: AcceptItem): number =>
  item.to.reduce(
    (sum, { slot }) => sum + slot.length,
    (item.from.session ? FIXED_SESSION : FIXED_PERSON) + item.header.length + item.body.length,
  )

const list = (numbers: readonly number[]) => `{${numbers.join(',')}}`

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
