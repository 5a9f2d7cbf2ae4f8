/** Values with bytes in them as JSON: a byte array is the text `hex:` and its hex digits. */

const toHex = (bytes: Uint8Array) => `hex:${Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('')}`
const fromHex = (text: string) =>
  Uint8Array.from(text.slice(4).match(/../g) ?? [], pair => Number.parseInt(pair, 16))

/** JSON of a value; bytes as hex, bigints as `int:` and their digits. */
export function hexJson(value: unknown, indent?: number): string {
  const replacer = (_: string, v: unknown) =>
    v instanceof Uint8Array ? toHex(v) : typeof v === 'bigint' ? `int:${v}` : v
  return JSON.stringify(value, replacer, indent)
}

/** The value that `hexJson` wrote, from parsed JSON. The type is the caller's promise: vectors are our own files. */
export function revive<T>(json: unknown): T {
  return JSON.parse(JSON.stringify(json), (_, v) => {
    if (typeof v !== 'string') return v
    if (v.startsWith('hex:')) return fromHex(v)
    return v.startsWith('int:') ? BigInt(v.slice(4)) : v
  }) as T
}
