/** All chance of a history comes from one seed, in streams that do not disturb each other. */
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

export interface Random {
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number
  /** True in `share` of all cases, 0 to 1. */
  chance(share: number): boolean
  pick<T>(choices: readonly T[]): T
  /** 0 ≤ x < 1. */
  fraction(): number
  fill<A extends ArrayBufferView>(view: A): A
}

/** One stream of a seed; the name tells it from the others. */
export function openRandom(seed: number, stream: string): Random {
  const generator = xoroshiro128plus(Number(Bun.hash(stream, BigInt(seed)) & 0x7fff_ffffn))
  const fraction = () => (generator.next() >>> 0) / 2 ** 32
  return {
    between: (least, most) => uniformInt(generator, least, most),
    chance: share => fraction() < share,
    pick: choices => choices[uniformInt(generator, 0, choices.length - 1)]!,
    fraction,
    fill(view) {
      const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
      for (let at = 0; at < bytes.length; at += 4) {
        const word = generator.next()
        for (let i = 0; i < 4 && at + i < bytes.length; i++) bytes[at + i] = word >>> (8 * i)
      }
      return view
    },
  }
}
