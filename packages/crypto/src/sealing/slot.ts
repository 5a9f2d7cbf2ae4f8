/** Slots: for each recipient the content key, its place in the pair's order, and how to agree on the key around them. */
import { concatBytes, MeshError, SIZES } from '@claudemesh/protocol'
import { hash } from '../signed-bytes.ts'
import { sodium } from '../sodium.ts'
import { openerId } from './agreement.ts'

/** What a slot holds: K and two counters. */
export interface SlotContent {
  readonly contentKey: Uint8Array
  readonly pairSeq: number
  readonly floor: number
}

/** (opener 1152, or its id 16) ‖ `crypto_box_easy_afternm`(K 32 ‖ pairSeq 8 ‖ floor 8; nonce, pairKey). */
export function sealSlot(
  p: SlotContent & { opener: Uint8Array; nonce: Uint8Array; pairKey: Uint8Array },
): Uint8Array {
  if (p.opener.length !== SIZES.opener && p.opener.length !== SIZES.openerId) {
    throw new MeshError('bad-field', 'an opener or its id is expected', { field: 'opener' })
  }
  const content = new Uint8Array(48)
  const view = new DataView(content.buffer)
  content.set(p.contentKey)
  view.setBigUint64(32, BigInt(p.pairSeq))
  view.setBigUint64(40, BigInt(p.floor))
  const slot = concatBytes(p.opener, sodium.crypto_box_easy_afternm(content, p.nonce, p.pairKey))
  sodium.memzero(content)
  return slot
}

/**
 * The public part of a slot: the whole opener where it travels, and its id always.
 * @throws MeshError `bad-field` (field `slot`) for bytes of no slot's size.
 */
export function readSlot(slot: Uint8Array): { opener: Uint8Array | null; openerId: Uint8Array } {
  const publicPart = slot.slice(0, -SIZES.slotBox)
  if (slot.length === SIZES.openerId + SIZES.slotBox) return { opener: null, openerId: publicPart }
  if (slot.length === SIZES.opener + SIZES.slotBox)
    return { opener: publicPart, openerId: openerId(publicPart) }
  throw new MeshError('bad-field', 'a slot has 80 or 1,216 bytes', { field: 'slot' })
}

/** The secret part of a slot; `undefined` when it does not open or counts beyond safe integers. */
export function openSlot(slot: Uint8Array, nonce: Uint8Array, pairKey: Uint8Array): SlotContent | undefined {
  let content: Uint8Array
  try {
    content = sodium.crypto_box_open_easy_afternm(slot.slice(-SIZES.slotBox), nonce, pairKey)
  } catch {
    return undefined
  }
  const view = new DataView(content.buffer, content.byteOffset, content.length)
  const [pairSeq, floor] = [Number(view.getBigUint64(32)), Number(view.getBigUint64(40))]
  const contentKey = content.slice(0, 32)
  sodium.memzero(content)
  return Number.isSafeInteger(pairSeq) && Number.isSafeInteger(floor)
    ? { contentKey, pairSeq, floor }
    : undefined
}

/** Binds K to an envelope: nobody can make one body open to two texts. 32 bytes. */
export const commitment = (id: Uint8Array, nonce: Uint8Array, contentKey: Uint8Array): Uint8Array =>
  hash('commit', [id, nonce, contentKey])
