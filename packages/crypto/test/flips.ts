/** Every way to change one thing in a value: each bit, each number, each text, each place in a list. */

/**
 * How many bits of a byte string are flipped, one at a time. `every`: all of them. `dense`: all of what is no longer than a
 * signature, in longer ones a bit of every eighth byte. `sparse`: a bit of every byte, in longer ones of every sixteenth.
 */
export type Density = 'every' | 'dense' | 'sparse'
const SHORT = 64
const STEPS = { every: 1, dense: 8, sparse: 16 } as const

interface Flip<T> {
  readonly where: string
  readonly value: T
}

function* inBytes(bytes: Uint8Array, density: Density): Generator<Flip<Uint8Array>> {
  const short = bytes.length <= SHORT
  const everyBit = density === 'every' || (density === 'dense' && short)
  for (let i = 0; i < bytes.length; i += short ? 1 : STEPS[density]) {
    for (const bit of everyBit ? [0, 1, 2, 3, 4, 5, 6, 7] : [(i * 3) % 8]) {
      const value = bytes.slice()
      value[i]! ^= 1 << bit
      yield { where: `[${i}].${bit}`, value }
    }
  }
}

function* inList(list: readonly unknown[], density: Density): Generator<Flip<unknown[]>> {
  for (const [i, item] of list.entries()) {
    for (const { where, value } of flips(item, density))
      yield { where: `[${i}]${where}`, value: list.with(i, value) }
  }
  if (list.length > 0) yield { where: '.pop', value: list.slice(0, -1) }
  if (list.length > 1) yield { where: '.reverse', value: list.toReversed() }
  if (list.length > 0) yield { where: '.push', value: [...list, list[0]] }
}

/** Copies of `value` with one thing changed; `null` stays as it is. */
export function* flips(value: unknown, density: Density = 'dense'): Generator<Flip<unknown>> {
  if (value instanceof Uint8Array) yield* inBytes(value, density)
  else if (typeof value === 'number') yield* [1, -1].map(d => ({ where: `${d}`, value: value + d }))
  else if (typeof value === 'string')
    yield { where: '$', value: value.slice(0, -1) + (value.endsWith('0') ? '1' : '0') }
  else if (Array.isArray(value)) yield* inList(value, density)
  else if (typeof value === 'object' && value !== null) {
    for (const [field, part] of Object.entries(value)) {
      for (const { where, value: changed } of flips(part, density)) {
        yield { where: `.${field}${where}`, value: { ...value, [field]: changed } }
      }
    }
  }
}
