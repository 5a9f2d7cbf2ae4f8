import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import {
  brokerFrame,
  clientFrame,
  encodeBrokerFrame,
  encodeClientFrame,
  LIMITS,
  MeshError,
  parseBrokerFrame,
  parseClientFrame,
} from '../src/index.ts'
import { sampleOf } from './schema-sample.ts'

type Json = Record<string, unknown>
const [hello, request] = clientFrame.options
const client = { parse: parseClientFrame, back: (text: string) => encodeClientFrame(parseClientFrame(text)) }
const broker = { parse: parseBrokerFrame, back: (text: string) => encodeBrokerFrame(parseBrokerFrame(text)) }

/** Every frame there is, made from its schema. */
const FRAMES = [
  ...[...hello.options, ...request.options].map(schema => ({ schema, ...client })),
  ...brokerFrame.options.map(schema => ({ schema, ...broker })),
].map(row => {
  const sample = sampleOf(row.schema) as Json
  return { ...row, sample, title: `${sample.type}${sample.as ? ` as ${sample.as}` : ''}` }
})

function refusal(parse: (text: string) => unknown, text: string): MeshError {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof MeshError) return error
    throw error
  }
  throw new Error(`accepted: ${text.slice(0, 300)}`)
}

const WRONG = [
  true,
  'no such thing \u0000\u001b[2J; DROP TABLE x',
  -1,
  1.5,
  2 ** 60,
  1e308,
  '',
  'A'.repeat(70_000),
  [],
  {},
  // zod asks how long it is, and throws.
  { length: { toString: 0 } },
  null,
]

describe.each(FRAMES)('$title', ({ schema, sample, parse, back }) => {
  const text = JSON.stringify(sample)

  test('a valid one comes back as it was', () => {
    expect(JSON.parse(back(text))).toEqual(sample)
  })

  test('a missing field is named', () => {
    for (const name of Object.keys(sample)) {
      const { [name]: _, ...rest } = sample
      const field = (schema as z.ZodObject).shape[name] as z.ZodType
      if (field.safeParse(undefined).success) parse(JSON.stringify(rest))
      else expect(refusal(parse, JSON.stringify(rest)).field).toBe(name)
    }
  })

  test('a wrong, oversized or hostile value is refused by name, or means what the schema lets it mean', () => {
    for (const name of Object.keys(sample))
      for (const value of WRONG) {
        const input = JSON.stringify({ ...sample, [name]: value })
        const field = (schema as z.ZodObject).shape[name] as z.ZodType
        if (accepts(field, value)) expect(JSON.parse(back(input))).toEqual({ ...sample, [name]: value })
        else expect(refusal(parse, input).field?.startsWith(name)).toBe(true)
      }
  })

  test('an unknown field is refused, and none reaches a prototype', () => {
    for (const name of ['evil', 'constructor', '__proto__', 'toString']) {
      const input = text.replace('{', `{${JSON.stringify(name)}:{"polluted":1},`)
      expect(refusal(parse, input).code).toBe('bad-field')
      expect(({} as Json).polluted).toBeUndefined()
    }
  })

  test('of a field that stands twice the last one counts, as everywhere in JSON', () => {
    const twice = text.replace('{', '{"type":"no such type","ref":"x",')
    expect(JSON.parse(back(twice))).toEqual(sample)
  })
})

function accepts(field: z.ZodType, value: unknown): boolean {
  try {
    field.decode(value as never)
    return true
  } catch {
    return false
  }
}

describe('text that is no frame', () => {
  const cases: [string, string, Partial<MeshError>][] = [
    ['nothing', '', { code: 'bad-frame' }],
    ['half a frame', '{"type":"ping"', { code: 'bad-frame' }],
    ['a number', '1', { code: 'bad-frame' }],
    ['null', 'null', { code: 'bad-frame' }],
    ['a list', '[{"type":"ping","time":1}]', { code: 'bad-frame' }],
    ['no type', '{"time":1}', { code: 'bad-frame', field: 'type' }],
    ['an unknown type', '{"type":"room.join"}', { code: 'bad-frame', field: 'type' }],
    ['a type from the prototype', '{"type":"__proto__"}', { code: 'bad-frame', field: 'type' }],
    ['a type that is a list', '{"type":["ping"],"time":1}', { code: 'bad-frame', field: 'type' }],
    ['a hello as nobody', '{"type":"hello","as":"root"}', { code: 'bad-field', field: 'as' }],
    ['brackets without end', '['.repeat(LIMITS.frameBytes), { code: 'bad-frame' }],
    ['objects without end', '{"a":'.repeat(100_000), { code: 'bad-frame' }],
    ['more than 1 MiB', `"${'a'.repeat(LIMITS.frameBytes)}"`, { code: 'too-large' }],
    ['more than 1 MiB in UTF-8', `"${'☃'.repeat(LIMITS.frameBytes / 3)}"`, { code: 'too-large' }],
  ]
  test.each(cases)('%s is refused by both parsers', (_, text, error) => {
    expect(refusal(parseClientFrame, text)).toMatchObject(error)
    if (!text.includes('hello')) expect(refusal(parseBrokerFrame, text)).toMatchObject(error)
  })

  test('a limit of the caller holds', () => {
    const ping = '{"type":"ping","time":1}'
    expect(parseClientFrame(ping, ping.length)).toEqual({ type: 'ping', time: 1 })
    expect(refusal(text => parseClientFrame(text, ping.length - 1), ping).code).toBe('too-large')
  })

  test('brackets inside strings do not count as depth', () => {
    const cursor = '[{"\\'.repeat(60)
    expect(parseClientFrame(JSON.stringify({ type: 'directory', cursor }))).toEqual({
      type: 'directory',
      cursor,
    })
  })

  test('a string ends where JSON ends it: depth behind an escaped quote counts, depth within does not', () => {
    const deep = (text: string) => `{"type":"directory","cursor":${text}}`
    const nested = '['.repeat(20)
    const closed = [String.raw`"\\"`, String.raw`"\\\""`, '""', String.raw`"\"\\"`]
    for (const string of closed)
      expect(refusal(parseClientFrame, deep(string + nested)), string).toMatchObject({
        code: 'bad-frame',
        message: 'nested deeper than 16',
      })
    for (const before of ['"', '\\', '\\"', '\\\\"', '"\\', '\\"'.repeat(9)]) {
      const cursor = before + nested + before
      expect(parseClientFrame(deep(JSON.stringify(cursor)))).toEqual({ type: 'directory', cursor })
    }
    expect(refusal(parseClientFrame, deep(`"${nested}`)).message).toBe('not JSON')
  })

  test('`__proto__` inside the facts of an error changes no prototype', () => {
    const text = '{"type":"error","code":"rate","message":"m","facts":{"__proto__":{"polluted":1},"a":2}}'
    const frame = parseBrokerFrame(text)
    expect(frame.type === 'error' && frame.facts?.polluted).toBeUndefined()
    expect(({} as Json).polluted).toBeUndefined()
  })
})
