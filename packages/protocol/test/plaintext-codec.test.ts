/** What is read and written by hand is what the schema reads and writes, for whatever is asked. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodePlaintext, type PlaintextJson, parsePlaintext, plaintextJson } from '../src/index.ts'

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })
const plaintext: fc.Arbitrary<PlaintextJson> = fc.record(
  {
    msg: fc.uuid(),
    composedAt: fc.nat(),
    kind: fc.constantFrom('text', 'receipt', 'x'.repeat(32)),
    payload: fc.jsonValue(),
    line: bytes(16),
    prekey: fc.record({ n: fc.nat(), id: bytes(16) }, { noNullPrototype: true }),
    roster: fc.record({ seq: fc.nat(), head: bytes(32) }, { noNullPrototype: true }),
    checkpoint: fc.option(fc.string()),
    certificate: fc.constant(null),
  },
  { noNullPrototype: true },
)

/** What stands in place of a field, or beside them. */
const oddities: readonly unknown[] = [
  undefined,
  null,
  '',
  'x',
  'A'.repeat(22),
  `${'A'.repeat(21)}B`,
  'A'.repeat(43),
  'x'.repeat(33),
  'x'.repeat(4097),
  -1,
  0,
  -0,
  0.5,
  NaN,
  Infinity,
  2 ** 53,
  8_640_000_000_000_000,
  8_640_000_000_000_001,
  true,
  [],
  {},
  new Uint8Array(16),
  new Uint8Array(32),
  new Uint8Array(17),
  { n: 1 },
  { seq: 1 },
  { n: 1, id: 'A'.repeat(22), more: 1 },
  { n: 1, id: new Uint8Array(16), more: 1 },
  { seq: -1, head: 'A'.repeat(43) },
  new Date(0),
]
const paths = [
  'msg',
  'composedAt',
  'kind',
  'payload',
  'line',
  'prekey',
  'prekey.n',
  'prekey.id',
  'roster',
  'roster.seq',
  'roster.head',
  'checkpoint',
  'certificate',
  'raw',
  'bundle',
  'length',
  '__proto__x',
]

function changed(value: object, path: string, oddity: unknown, gone: boolean): object {
  const [name, inner] = path.split('.') as [string, string | undefined]
  const copy: Record<string, unknown> = { ...value }
  if (inner !== undefined) copy[name] = changed(copy[name] as object, inner, oddity, gone)
  else if (gone) delete copy[name]
  else copy[name] = oddity
  return copy
}

const show = (result: { success: boolean; data?: unknown; error?: { issues: readonly unknown[] } }) =>
  JSON.stringify(result.success ? { data: result.data } : { issues: result.error!.issues }, (_, value) =>
    value instanceof Uint8Array ? { bytes: [...value] } : Object.is(value, -0) ? '-0' : value,
  )

test('a plaintext comes out of the hand-written way as out of the schema, both ways', () => {
  fc.assert(
    fc.property(plaintext, one => {
      const encoded = encodePlaintext(one)
      expect(show(encoded)).toBe(show(plaintextJson.safeEncode(one)))
      const json = JSON.parse(JSON.stringify(encoded.data))
      const parsed = parsePlaintext(json)
      expect(show(parsed)).toBe(show(plaintextJson.safeParse(json)))
      expect(parsed.data).toEqual({ ...one, payload: JSON.parse(JSON.stringify(one.payload)) })
    }),
    { numRuns: 200, seed: 7 },
  )
})

test('and so does whatever is nearly one: the same is taken, and refused for the same', () => {
  const [one] = fc.sample(plaintext, { numRuns: 1, seed: 7 })
  const json = JSON.parse(JSON.stringify(plaintextJson.encode(one!)))
  let taken = 0
  for (const path of paths)
    for (const [i, oddity] of oddities.entries()) {
      const gone = i === 0
      const near = { wire: changed(json, path, oddity, gone), memory: changed(one!, path, oddity, gone) }
      const parsed = parsePlaintext(near.wire)
      if (parsed.success) taken++
      expect(show(parsed), `${path} ${i}`).toBe(show(plaintextJson.safeParse(near.wire)))
      expect(show(encodePlaintext(near.memory as PlaintextJson)), `${path} ${i}`).toBe(
        show(plaintextJson.safeEncode(near.memory as PlaintextJson)),
      )
    }
  expect(taken).toBeGreaterThan(50)
  expect(taken).toBeLessThan(paths.length * oddities.length - 100)
})

test('what is no object is refused', () => {
  for (const none of [undefined, null, 1, 'x', [], new Map()])
    expect(parsePlaintext(none).success).toBe(false)
})
