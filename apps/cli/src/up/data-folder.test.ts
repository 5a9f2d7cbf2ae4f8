import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openData } from './data-folder.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cm-data-'))
})
afterEach(() => rmSync(root, { recursive: true }))

test('is made for this user alone', () => {
  openData(join(root, 'new', 'deep'))
  expect(statSync(join(root, 'new', 'deep')).mode & 0o777).toBe(0o700)
})

test('holds what is ours, at every start again', () => {
  const { folder, postgres, state } = openData(join(root, 'data'))
  mkdirSync(postgres)
  writeFileSync(state, '{}')
  expect(openData(folder).folder).toBe(folder)
})

test('of somebody else is left exactly as it is', () => {
  const other = join(root, 'photos')
  mkdirSync(other, { mode: 0o755 })
  writeFileSync(join(other, 'cat.jpg'), '')
  expect(() => openData(other)).toThrow(/holds other things \(cat\.jpg\)/)
  expect(statSync(other).mode & 0o777).toBe(0o755)
})
