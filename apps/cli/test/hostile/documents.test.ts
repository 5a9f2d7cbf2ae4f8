import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ATTACKS, attackTable } from './attacks/all.ts'
import { UNFOUND } from './attacks/unfound.ts'

const docs = fileURLToPath(new URL('../../../../docs', import.meta.url))
const read = (name: string) => readFileSync(join(docs, name), 'utf8')

describe('docs/attacks.md', () => {
  test('is what the table of attacks says; else write it: bun apps/cli/test/hostile/write-attacks.ts', () => {
    expect(read('attacks.md')).toBe(attackTable())
  })
  test('names at least 40 attacks, none twice', () => {
    const names = [...ATTACKS.flatMap(({ attacks }) => attacks), ...UNFOUND].map(({ name }) => name)
    expect(names.length).toBeGreaterThanOrEqual(40)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })
})

describe('docs/threat-model.md', () => {
  /** Every link to a file of tests has the title of one as its text. */
  const links = [...read('threat-model.md').matchAll(/\[([^\]]+)\]\((\.\.\/[^)]*\/test\/[^)]+)\)/g)].map(
    ([, title, path]) => ({ title: title!, path: path! }),
  )
  test('leads to tests that are there under the very name it gives', () => {
    expect(links.length).toBeGreaterThan(40)
    const lost = links.filter(({ title, path }) => {
      const file = join(docs, path)
      return !existsSync(file) || !quotes(readFileSync(file, 'utf8')).has(title)
    })
    expect(lost).toEqual([])
  })
  test('names everything that is believed although it is a lie', () => {
    const titles = links.map(({ title }) => title)
    expect(UNFOUND.map(({ name }) => name).filter(name => !titles.includes(name))).toEqual([])
  })
})

/** Everything that stands between quotes in a source. */
function quotes(source: string): Set<string> {
  const found = source.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`([^`]*)`/g)
  return new Set(
    [...found].map(([, single, double, back]) => (single ?? double ?? back ?? '').replaceAll("\\'", "'")),
  )
}
