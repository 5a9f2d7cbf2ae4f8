/** Chance that can be had again: the same seed makes the same frames. */

export interface Random {
  /** 0 ≤ x < `below`, whole. */
  whole(below: number): number
  one<T>(of: readonly T[]): T
  bytes(size: number): Uint8Array<ArrayBuffer>
}

/** mulberry32 (public domain, Tommy Ettinger): good enough to surprise a parser. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b_79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  const whole = (below: number) => next() % below
  return {
    whole,
    one: of => of[whole(of.length)]!,
    bytes: size => {
      const made = new Uint8Array(size)
      for (let i = 0; i < size; i++) made[i] = next() & 255
      return made
    },
  }
}
