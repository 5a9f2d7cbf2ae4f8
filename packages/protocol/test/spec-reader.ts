/** SPEC.md as data: its tables, and the field lists of what is signed. */
import { readFileSync } from 'node:fs'

/** A file of this repository, by its path from the root. */
export const repoFile = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

export const spec = repoFile('SPEC.md')

/** Rows of every table whose header begins with these columns. */
export function table(...header: string[]): string[][] {
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

export const plain = (cell: string): string => cell.replaceAll('`', '')

/** Names in backticks; `name`? is optional. */
export const namesIn = (cell: string): string[] =>
  [...cell.matchAll(/`([\w-]+)`(\??)/g)].map(([, name, mark]) => name! + mark!)

/** Items of a list, split at the commas that stand in no bracket; what is said in round brackets is left out. */
export function itemsOf(list: string): string[] {
  const items: string[] = []
  let depth = 0
  let item = ''
  for (const c of list) {
    if ('[('.includes(c)) depth++
    if ('])'.includes(c)) depth--
    if (c === ',' && depth === 0) {
      items.push(item)
      item = ''
    } else item += c
  }
  return [...items, item].map(text => text.replace(/ \([^)]*\)$/, '').trim())
}

const fences = spec.split('```').filter((_, i) => i % 2 === 1)

/** The list in square brackets that begins at or after `at`. */
function bracketAt(text: string, at: number): string {
  const start = text.indexOf('[', at)
  let depth = 0
  for (let end = start; end < text.length; end++) {
    if (text[end] === '[') depth++
    if (text[end] === ']' && --depth === 0) return text.slice(start + 1, end).replace(/\s+/g, ' ')
  }
  throw new Error(`no list after ${text.slice(at, at + 40)}`)
}

/** The fields that `name = [...]` lists in the first block that says so. */
export function namedFields(name: string): string[] {
  for (const fence of fences) {
    const at = fence.search(new RegExp(`^${name} *=`, 'm'))
    if (at !== -1) return itemsOf(bracketAt(fence, at))
  }
  throw new Error(`nothing says ${name}`)
}

/** The fields that `use("domain", …)` covers, where `use` is `sign`, `hash` or `signedBytes`; names and `...names` are looked up beside it. */
export function fieldsUnder(use: 'sign' | 'hash' | 'signedBytes', domain: string): string[] {
  const call = new RegExp(`\\b${use}\\("${domain}", *`)
  for (const text of [...fences, spec]) {
    const found = call.exec(text)
    if (!found) continue
    const after = text.slice(found.index + found[0].length)
    const given = after.startsWith('[') ? itemsOf(bracketAt(after, 0)) : [`...${/^\w+/.exec(after)![0]}`]
    return given.flatMap(item => {
      if (!item.startsWith('...')) return [item]
      return itemsOf(bracketAt(text, text.search(new RegExp(`^${item.slice(3)} *=`, 'm'))))
    })
  }
  throw new Error(`nothing uses ${domain} in ${use}`)
}
