/** Lays a batch out for `mesh_fn.commit_batch`: everybody named once, bytes in one block, the rest as arrays of numbers. */
import type { Recipient } from '@claudemesh/protocol'
import { bytesIndex } from './bytes-index.ts'
import type { AcceptItem, AckItem } from './delivery-types.ts'

/** Sizes of the fixed part of an item in the pack: id 16, content hash 32, hash of to[] 32. */
const FIXED = 80
const WHO_STRIDE = 64

/** The arguments of `mesh_fn.commit_batch` in its order; arrays in Postgres's text form. */
export function packBatch(accepts: readonly AcceptItem[], acks: readonly AckItem[]): (string | Uint8Array)[] {
  const named = new Named()
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
  const pack = Buffer.allocUnsafe(packedBytes(accepts))
  let at = 0
  const put = (bytes: Uint8Array) => {
    pack.set(bytes, at)
    at += bytes.length
  }
  for (const [i, item] of accepts.entries()) {
    columns.from.push(named.place(item.mesh, item.from))
    columns.off.push(at + 1)
    columns.header.push(item.header.length)
    columns.body.push(item.body.length)
    columns.expires.push(item.expiresAt)
    columns.first.push(targets.item.length + 1)
    columns.count.push(item.to.length)
    put(item.id)
    put(item.contentHash)
    put(item.recipientsHash)
    put(item.header)
    put(item.body)
    for (const { recipient, slot } of item.to) {
      targets.item.push(i + 1)
      targets.who.push(named.place(item.mesh, recipient))
      targets.off.push(at + 1)
      targets.len.push(slot.length)
      put(slot)
    }
  }
  const ackers = acks.map(ack => named.place(ack.mesh, ack.recipient))
  return [
    named.meshes(),
    list(named.meshOf),
    list(named.lengths),
    named.keys(),
    ...Object.values(columns).map(list),
    ...Object.values(targets).map(list),
    list(ackers),
    list(acks.map(ack => ack.attachment)),
    list(acks.map(ack => ack.upTo)),
    pack,
  ]
}

/** Bytes of one item in the pack. */
export const itemBytes = (item: AcceptItem): number =>
  item.to.reduce((n, t) => n + t.slot.length, FIXED + item.header.length + item.body.length)

const packedBytes = (items: readonly AcceptItem[]) => items.reduce((n, item) => n + itemBytes(item), 0)

const list = (numbers: readonly number[]) => `{${numbers.join(',')}}`

/** Hands out places from 1 for recipients and meshes, the same for the same. */
class Named {
  readonly meshOf: number[] = []
  readonly lengths: number[] = []
  private readonly meshPlaces = new Map<string, number>()
  private readonly meshBytes: Uint8Array[] = []
  private readonly places = new Map<string, number>()
  private readonly members: Recipient[] = []

  place(mesh: Uint8Array, who: Recipient): number {
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
