/** How a secret may stand in a dump, a log or a capture, whatever surrounds it there. */

/** Raw, in both cases of hex, in both alphabets of base64 at each of its three alignments; of a text also in UTF-16. */
export function spelled(secret: string | Buffer): Buffer[] {
  const bytes = Buffer.from(secret as string)
  const hex = bytes.toString('hex')
  const ways = [bytes, Buffer.from(hex), Buffer.from(hex.toUpperCase())]
  for (const shift of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes])
    const [from, to] = [Math.ceil((shift * 8) / 6), Math.floor((shifted.length * 8) / 6)]
    for (const alphabet of ['base64', 'base64url'] as const)
      ways.push(Buffer.from(shifted.toString(alphabet).slice(from, to)))
  }
  if (typeof secret === 'string') {
    const wide = Buffer.from(secret, 'utf16le')
    ways.push(wide, Buffer.from(wide).swap16())
  }
  return ways
}

/** The spellings of `secret` that stand in `hay`. */
export const foundIn = (hay: Buffer, secret: string | Buffer): string[] =>
  spelled(secret)
    .filter(needle => hay.includes(needle))
    .map(needle => needle.toString('latin1').slice(0, 60))
