/** The first eight bytes of every binary frame: type u8 ‖ version u8 ‖ count u16 ‖ ref u32. */
import { DATA_TYPES, type DataType } from '../data-frames.ts'
import { LIMITS, VERSION } from '../limits.ts'
import { fault } from './fault.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

export const HEAD_BYTES = 8
/** Items in one frame. */
export const MAX_COUNT = 4096

const typeOf = new Map<number, DataType>((Object.keys(DATA_TYPES) as DataType[]).map(t => [DATA_TYPES[t], t]))

export interface Head {
  readonly type: DataType
  readonly count: number
  readonly ref: number
  /** Stands behind the head. */
  readonly reader: Reader
}

/** Reads the head. Throws `bad-frame`, `too-large`, or `unsupported` for the types reserved for rooms. */
export function readHead(bytes: Uint8Array): Head {
  if (bytes.length > LIMITS.frameBytes) throw fault('too-large', 'frame above 1 MiB', 'frame')
  const reader = new Reader(bytes)
  const type = typeOf.get(reader.u8('type'))
  if (!type) throw fault('bad-frame', 'unknown frame type', 'type')
  if (reader.u8('version') !== VERSION) throw fault('bad-frame', 'unknown version', 'version')
  if (type === 'room.append' || type === 'room.event')
    throw fault('unsupported', 'rooms do not exist yet', 'type')
  const count = reader.u16('count')
  checkCount(count)
  const ref = reader.u32('ref')
  if (ref !== 0 && (type === 'deliver' || type === 'fact')) throw fault('bad-field', 'answers nothing', 'ref')
  return { type, count, ref, reader }
}

/** A writer for a frame of `size` bytes in all, its head already written. */
export function beginFrame(type: DataType, count: number, ref: number, size: number): Writer {
  checkCount(count)
  if (size > LIMITS.frameBytes) throw fault('too-large', 'frame above 1 MiB', 'frame')
  const writer = new Writer(size)
  writer.u8(DATA_TYPES[type])
  writer.u8(VERSION)
  writer.u16(count)
  writer.u32(ref, 'ref')
  return writer
}

function checkCount(count: number): void {
  if (count === 0) throw fault('bad-field', 'an empty frame', 'count')
  if (count > MAX_COUNT) throw fault('too-large', `above ${MAX_COUNT} items`, 'count')
}
