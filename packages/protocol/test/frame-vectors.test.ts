import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeFrame, encodeFrame } from '../src/index.ts'
import { show } from './data-frame-arbitrary.ts'

/** Written field by field from SPEC section 6.4 by a program that shares nothing with the codec; `x…` is hex. */
interface Vector {
  readonly name: string
  readonly value: unknown
  readonly parts: readonly (readonly [field: string, hex: string])[]
}
const vectors: Vector[] = JSON.parse(readFileSync(new URL('./vectors/frames.json', import.meta.url), 'utf8'))

describe.each(vectors)('$name', ({ value, parts }) => {
  const bytes = Buffer.from(parts.map(([, hex]) => hex).join(''), 'hex')

  test('decodes to the value', () => {
    expect(JSON.parse(show(decodeFrame(bytes)))).toEqual(value)
  })

  test('is what the value encodes to', () => {
    expect(Buffer.from(encodeFrame(decodeFrame(bytes))).toString('hex')).toBe(bytes.toString('hex'))
  })
})
