import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { brokerFrame, CLOSE, clientFrame, DATA_TYPES, ERRORS, LIMITS, rosterEntry } from '../src/index.ts'

const spec = readFileSync(new URL('../../../SPEC.md', import.meta.url), 'utf8')

/** Rows of every table whose header begins with these columns, cells without backticks. */
function table(...header: string[]): string[][] {
  const rows: string[][] = []
  let inside = false
  for (const line of spec.split('\n')) {
    const cells = line.startsWith('|')
      ? line
          .slice(1, -1)
          .split('|')
          .map(cell => cell.trim())
      : []
    if (header.every((name, i) => cells[i] === name)) inside = true
    else if (cells.length === 0) inside = false
    else if (inside && !cells[0]!.startsWith('--')) rows.push(cells)
  }
  if (rows.length === 0) throw new Error(`no table with ${header.join(', ')}`)
  return rows
}
const plain = (cell: string) => cell.replaceAll('`', '')

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
})

/** Names in backticks; `name`? is optional. */
const namesIn = (cell: string): string[] =>
  [...cell.matchAll(/`([\w-]+)`(\??)/g)].map(([, name, mark]) => name! + mark!)

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
