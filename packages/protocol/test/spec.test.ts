/** Holds every table of SPEC.md that can be compared against the code it speaks of; code of other packages is read as text. */
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  brokerFrame,
  brokerLimits,
  CLOSE,
  clientFrame,
  DATA_TYPES,
  ERRORS,
  LIMITS,
  MESSAGE_KINDS,
  rosterEntry,
  TIMES,
} from '../src/index.ts'
import { itemsOf, namesIn, plain, repoFile, spec, table } from './spec-reader.ts'

/** All files of a folder, one text. */
const folder = (path: string, ending: string): string =>
  readdirSync(new URL(`../../../${path}`, import.meta.url))
    .filter(name => name.endsWith(ending))
    .map(name => repoFile(`${path}/${name}`))
    .join('\n')
const sorted = (words: Iterable<string>): string[] => [...new Set(words)].sort()

describe('SPEC.md says what the code does', () => {
  test('error codes, with their numbers', () => {
    const rows = table('code', 'wire', 'HTTP', 'exit').map(([code, wire, http, exit]) => [
      plain(code!),
      { wire: Number(wire), http: Number(http), exit: Number(exit) },
    ])
    expect(Object.fromEntries(rows)).toEqual(ERRORS)
  })

  test('close codes, with their reasons', () => {
    const rows = table('name', 'code', 'reason').map(([name, code, reason]) => [
      plain(name!),
      { code: Number(code), reason },
    ])
    expect(Object.fromEntries(rows)).toEqual(CLOSE)
  })

  test('types of binary frames', () => {
    const rows = table('type', 'number', 'from').map(([type, number]) => [plain(type!), Number(number)])
    expect(Object.fromEntries(rows)).toEqual(DATA_TYPES)
  })

  test('limits', () => {
    const rows = table('limit', 'value').map(([name, value]) => [plain(name!), Number(value)])
    expect(Object.fromEntries(rows)).toEqual(LIMITS)
  })

  test('what a daemon takes of others, usually and at most', () => {
    const source = repoFile('apps/cli/src/api/noise-schema.ts')
    const number = (text: string) => Number(text.replaceAll('_', ''))
    const usual = /USUAL_LIMITS[^{]*\{([^}]*)\}/.exec(source)![1]!
    const inCode = [...usual.matchAll(/(\w+): ([\d_]+)/g)].map(([, name, value]) => {
      const [, least, most] = new RegExp(`${name}: from\\(([\\d_]+), ([\\d_]+)\\)`).exec(source)!
      return [name, number(value!), number(least!), number(most!)]
    })
    const rows = table('limit', 'usual', 'least', 'most', 'bounds')
    expect(rows.map(([name, ...numbers]) => [plain(name!), ...numbers.slice(0, 3).map(Number)])).toEqual(
      inCode,
    )
  })

  test('text frames and their fields', () => {
    const [hello, request] = clientFrame.options
    const frames = [...hello.options, ...request.options, ...brokerFrame.options]
    const rows = [...table('type', 'fields', 'answer'), ...table('type', 'fields', 'sent')]
    expect(rows.map(([type, fields]) => [plain(type!), namesIn(fields!)])).toEqual(
      frames.map(schema => [titleOf(schema), fieldsOf(schema)]),
    )
  })

  test('kinds of roster entries and the fields of their bodies', () => {
    const inCode = rosterEntry.options.map(schema => [
      schema.shape.kind.value,
      Object.keys(schema.shape.body.shape),
    ])
    const rows = table('kind', 'fields of the body').map(([kind, fields]) => [plain(kind!), namesIn(fields!)])
    expect(rows).toEqual(inCode)
  })

  test('times, and the limits that travel in welcome', () => {
    const rows = table('time', 'value').map(([name, value]) => [plain(name!), Number(value)])
    expect(Object.fromEntries(rows)).toEqual(TIMES)
    expect(spec).toContain(`\`{${Object.keys(brokerLimits.shape).join(', ')}}\``)
  })

  test('kinds of messages', () => {
    const [, said] = table('field', '').find(([name]) => name === '`kind`')!
    expect(namesIn(said!)).toEqual([...MESSAGE_KINDS])
  })

  test('domains', () => {
    const source = /DOMAINS = \[([^\]]*)\]/.exec(repoFile('packages/crypto/src/signed-bytes.ts'))![1]!
    const inCode = [...source.matchAll(/'([\w-]+)'/g)].map(([, name]) => name)
    expect(table('domain', 'for').map(([name]) => plain(name!))).toEqual(inCode)
  })

  test('the words of broken roster rules', () => {
    const source = folder('packages/crypto/src/roster', '.ts')
    const inCode = [...source.matchAll(/broken\(\s*'([\w-]+)'/g)].map(([, rule]) => rule!)
    expect(sorted(table('rule', 'broken by').map(([rule]) => plain(rule!)))).toEqual(sorted(inCode))
  })

  test('the steps of opening, their errors and what the sender is told', () => {
    const rows = table('step', 'what must hold', 'error', 'answer')
    const steps = new Map(
      rows.map(([step, , code, answer]) => [plain(step!), { code: plain(code!), answer }]),
    )
    const sealing = repoFile('packages/crypto/src/sealing/open-envelope.ts')
    const codes = /const CODE: [^{]*\{([^}]*)\}/.exec(sealing)![1]!
    const inCrypto = [...codes.matchAll(/(\w+): '([\w-]+)'/g)].map(([, step, code]) => [step, code])
    expect(inCrypto.map(([step]) => [step, steps.get(step!)?.code])).toEqual(inCrypto)

    const inbox = repoFile('packages/client/src/inbox/open.ts')
    const inClient = [...inbox.matchAll(/new Unopenable\('(\w+)', (?:'([\w-]+)'|null)\)/g)]
    expect(inClient.length).toBeGreaterThan(5)
    for (const [, step, answer] of inClient)
      expect(steps.get(step!)?.answer).toContain(answer ?? 'nobody is told')
    expect(sorted(steps.keys())).toEqual(
      sorted([...inCrypto.map(([step]) => step!), ...inClient.map(([, step]) => step!)]),
    )
  })

  test('leaves, and their fields as the database writes them', () => {
    const said = table('leaf', 'fields', 'written').map(([leaf, fields]) => [
      plain(leaf!),
      shapeSaid(fields!),
    ])
    const source = repoFile('packages/crypto/src/audit/leaf.ts')
    const listed = /LEAF_FIELDS = \{([\s\S]*?)\n\} as const/.exec(source)![1]!
    const inCode = [...listed.matchAll(/'?([\w-]+)'?: \{([^}]*)\}/g)].map(([, leaf, fields]) => [
      leaf,
      [...fields!.matchAll(/\w+: '(\w+)'/g)].map(([, form]) => SHAPES[form!]),
    ])
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(inCode))
    const inSql = shapesInSql(folder('packages/db/sql', '.sql'))
    // The hot lane writes `accepted` and `delivered` byte by byte: packages/db/test/audit.test.ts holds those to the leaf.
    expect(Object.keys(inSql).length).toBeGreaterThanOrEqual(6)
    expect(Object.fromEntries(said)).toMatchObject(inSql)
  })

  test('faults of an audit log', () => {
    const source = repoFile('packages/crypto/src/audit/verify-log.ts')
    const inCode = [.../type LogFault =([\s\S]*?)\n\n/.exec(source)![1]!.matchAll(/'([\w-]+)'/g)].map(
      ([, fault]) => fault!,
    )
    expect(sorted(table('fault', 'found by').map(([fault]) => plain(fault!)))).toEqual(sorted(inCode))
  })

  test('what comes too fast, by default', () => {
    const settings = repoFile('apps/broker/src/settings.ts')
    const fallback = (name: string) =>
      Number(new RegExp(`\\b${name}: int\\(([\\d_]+)`).exec(settings)![1]!.replaceAll('_', ''))
    for (const [bucket, rate, burst] of table('bucket', 'a second', 'at once')) {
      const name = plain(bucket!)
      expect([Number(rate), Number(burst)]).toEqual([fallback(name), fallback(`${name}_BURST`)])
    }
  })
})

const SHAPES: Record<string, string> = { recipient: 'who', number: 'number', bytes: 'bytes', text: 'bytes' }

/** Fields of a leaf by form: `who` is a recipient, which is two fields. */
function shapeSaid(fields: string): string[] {
  const numbers = ['seq', 'first seq', 'last seq', 'attachment', 'count', 'size']
  return itemsOf(fields)
    .filter(item => !/\bmember$/.test(item) || item.startsWith('key of'))
    .map(item => {
      if (/\bsession or absent$/.test(item)) return 'who'
      return numbers.includes(item) ? 'number' : 'bytes'
    })
}

/** The same from SQL: leaves made by `append_leaf`, those gathered for `append_leaves`, and those that `commit_batch` writes out by hand. */
function shapesInSql(sql: string): Record<string, string[]> {
  const shapes: Record<string, string[]> = {}
  const called = sql.replace(/mesh_fn\.who_attachment\(/g, 'mesh_fn.who( || mesh_fn.number(')
  const one = called.matchAll(/append_leaf\([\w.]+, (?:'([\w-]+)'|p_kind),\s*(mesh_fn[\s\S]*?)\);/g)
  const several = called.matchAll(
    /array_agg\((mesh_fn(?:(?!array_agg)[\s\S])*?)\) INTO [^;]*?\bv_leaves\b(?:(?!array_agg)[\s\S])*?append_leaves\([\w.]+, '([\w-]+)', v_leaves\)/g,
  )
  const gathered = [...several].map(([all, fields, type]) => [all, type, fields] as const)
  for (const [, type, fields] of [...one, ...gathered]) {
    const shape = [...fields!.matchAll(/mesh_fn\.(field|who|number)\(/g)].map(([, form]) =>
      form === 'field' ? 'bytes' : form!,
    )
    for (const name of type ? [type] : ['expired', 'dropped']) shapes[name] = shape
  }
  for (const [, type, fields] of sql.matchAll(
    /'(\w+)'(?: AS type)?, '\\x[0-9a-f]+'::bytea(?: AS typed)?,\s*([\s\S]*?)\bFROM unnest/g,
  ))
    shapes[type!] = [
      ...fields!
        .replace(/CASE[\s\S]*?END/g, '')
        .matchAll(/'\\x000000(08|10|20)'::bytea \|\| (?:substring\()?(\w+)/g),
    ].map(([, size, from]) => {
      if (size === '08') return 'number'
      return from === 'w_keys' ? 'who' : 'bytes'
    })
  return shapes
}

function fieldsOf(schema: z.ZodObject): string[] {
  return Object.entries(schema.shape)
    .filter(([name]) => name !== 'type' && name !== 'ref')
    .map(([name, field]) => name + (field instanceof z.ZodOptional ? '?' : ''))
}

function titleOf(schema: z.ZodObject): string {
  const { type, as } = schema.shape
  const word = (literal: unknown) => (literal instanceof z.ZodLiteral ? String([...literal.values][0]) : '')
  return as ? `${word(type)} as ${word(as)}` : word(type)
}
