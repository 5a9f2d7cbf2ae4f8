import { expect, test } from 'vitest'
import { table } from './table.ts'

test('columns begin at the same place, painted or not, and in scripts that are wider or narrower than they are long', () => {
  const drawn = table(
    ['NAME', 'STATUS', 'SUMMARY'],
    [
      ['ada', '\u001B[32midle\u001B[39m', 'a long line that nobody cuts, however long it is'],
      ['山田', 'working', 'x'],
      ['e\u0301va 👩‍💻', 'dnd', ''],
    ],
  )
  expect(drawn.split('\n')).toEqual([
    'NAME    STATUS   SUMMARY',
    'ada     \u001B[32midle\u001B[39m     a long line that nobody cuts, however long it is',
    '山田    working  x',
    'e\u0301va 👩‍💻  dnd',
  ])
})

test('a table of nobody is its heading', () => {
  expect(table(['NAME', 'ROLE'], [])).toBe('NAME  ROLE')
})
