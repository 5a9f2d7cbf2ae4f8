/** Base64url and byte-array helpers that behave alike on Bun, Node and in a browser. */

interface Base64Options {
  readonly alphabet: 'base64url'
  readonly omitPadding?: true
}
/** As ECMAScript 2026 has them; Node 20 and older browsers do not. */
type Native = { readonly toBase64?: (this: Uint8Array, options: Base64Options) => string }
type NativeFrom = { fromBase64?: (text: string, options: Base64Options) => Uint8Array<ArrayBuffer> }

const nativeTo = (Uint8Array.prototype as Native).toBase64
const nativeFrom = (Uint8Array as NativeFrom).fromBase64

/** Encodes bytes as unpadded base64url (RFC 4648 section 5). */
export const toBase64url: (bytes: Uint8Array) => string = nativeTo
  ? bytes => nativeTo.call(bytes, { alphabet: 'base64url', omitPadding: true })
  : portableToBase64url

/** The last characters that leave no stray bits, by the number of characters above a multiple of four. */
const LAST: Readonly<Record<number, string>> = { 2: 'AQgw', 3: 'AEIMQUYcgkosw048' }

/** Decodes canonical unpadded base64url; `undefined` for anything else (padding, stray bits, other alphabets). */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  const rest = text.length % 4
  if (rest === 1 || LAST[rest]?.includes(text.at(-1)!) === false) return undefined
  return nativeFrom ? nativeFrom(text, { alphabet: 'base64url' }) : portableFromBase64url(text)
}

/** For a host that has no encoder of its own: thirty to eighty times slower. */
export function portableToBase64url(bytes: Uint8Array): string {
  let binary = ''
  for (let i = 0; i < bytes.length; i += 0x8000)
    binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The same way back, for text of the alphabet whose length can be right. */
export function portableFromBase64url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, c => c.charCodeAt(0))
}

/** True when both hold the same bytes. Not constant time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Orders byte strings as memcmp does; a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** Joins byte strings into a new one. Never for what is signed or hashed: that is `signedBytes`. */
export function concatBytes(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
