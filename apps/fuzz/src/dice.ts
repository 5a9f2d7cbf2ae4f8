/** Chance that repeats itself: the same seed rolls the same numbers on every machine. */
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** A whole number from 0 to `below` - 1; 0 where `below` is 0 or 1. */
export type Dice = (below: number) => number

/** Dice of a seed: any 32-bit integer. */
export function dice(seed: number): Dice {
  const generator = xoroshiro128plus(seed)
  return below => (below <= 1 ? 0 : uniformInt(generator, 0, below - 1))
}

/** One of `list`, which is not empty. */
export const oneOf = <T>(roll: Dice, list: readonly T[]): T => list[roll(list.length)]!
