/** UUIDv7 (RFC 9562 section 5.7) as 16 bytes, its text form, and the time inside. */
import { MeshError } from '@claudemesh/protocol'
import { randomBytes } from './random.ts'

/** As ECMAScript 2026 has them; Node 20 and older browsers do not. */
type Native = { readonly toHex?: (this: Uint8Array) => string }
type NativeFrom = { fromHex?: (text: string) => Uint8Array }

const nativeTo = (Uint8Array.prototype as Native).toHex
const nativeFrom = (Uint8Array as NativeFrom).fromHex
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** For a host that has no encoder of its own. */
export const portableToHex = (bytes: Uint8Array): string => bytes.reduce((text, byte) => text + HEX[byte], '')

/** The same way back, for text of lower-case hex digits in pairs. */
export const portableFromHex = (hex: string): Uint8Array =>
  Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))

const toHex = nativeTo ? (bytes: Uint8Array) => nativeTo.call(bytes) : portableToHex
const fromHex = nativeFrom ? (hex: string) => nativeFrom(hex) : portableFromHex

/** A new UUIDv7 for `nowMs` (ms since 1970), 74 of its 128 bits random. */
export function uuidv7(nowMs: number): Uint8Array {
  const id = randomBytes(16)
  new DataView(id.buffer).setUint16(0, Math.floor(nowMs / 2 ** 32))
  new DataView(id.buffer).setUint32(2, nowMs % 2 ** 32)
  id[6] = 0x70 | (id[6]! & 0x0f)
  id[8] = 0x80 | (id[8]! & 0x3f)
  return id
}

/** The 36-character lower-case form of 16 bytes. */
export function uuidText(bytes: Uint8Array): string {
  const hex = toHex(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The 16 bytes of a UUID in its 36-character lower-case form. @throws MeshError `bad-field` for any other text. */
export function uuidBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) {
    throw new MeshError('bad-field', 'a lower-case UUID is expected', { field: 'uuid' })
  }
  return fromHex(text.replaceAll('-', ''))
}

/** The ms since 1970 inside a UUIDv7 of 16 bytes; `undefined` for any other version or variant. */
export function uuidTime(bytes: Uint8Array): number | undefined {
  if (bytes.length !== 16 || bytes[6]! >> 4 !== 7 || bytes[8]! >> 6 !== 2) return undefined
  return bytes.subarray(0, 6).reduce((ms, byte) => ms * 256 + byte, 0)
}
