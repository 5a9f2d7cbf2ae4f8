/** A slot in bytes: u16 length ‖ (opener or its id) ‖ box. The broker checks its length and nothing else. */
import { SIZES } from '../limits.ts'
import { fault } from './fault.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** With an opener's 16-byte id: 80 bytes. With the opener itself: 1,216. */
export const SLOT_SIZES: readonly number[] = [SIZES.openerId + SIZES.slotBox, SIZES.opener + SIZES.slotBox]

const badSlot = (field: string) => fault('bad-field', `a slot is ${SLOT_SIZES.join(' or ')} bytes`, field)

export function readSlotBytes(reader: Reader, field: string): Uint8Array {
  const size = reader.u16(field)
  if (!SLOT_SIZES.includes(size)) throw badSlot(field)
  return reader.take(size, field)
}

export function writeSlotBytes(writer: Writer, slot: Uint8Array, field: string): void {
  if (!(slot instanceof Uint8Array) || !SLOT_SIZES.includes(slot.length)) throw badSlot(field)
  writer.u16(slot.length)
  writer.raw(slot)
}
