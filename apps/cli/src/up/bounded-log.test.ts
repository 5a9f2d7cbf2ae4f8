import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { turnOver } from './bounded-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'claudemesh-log-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a log that grew too big is set aside while its writer has it open, and the writer goes on in it', () => {
  const file = join(folder, 'broker.log')
  const writer = openSync(file, 'a', 0o600)
  writeSync(writer, 'old\n'.repeat(300))
  turnOver(file, 1200)
  expect(statSync(file).size).toBe(1200)
  writeSync(writer, 'one more\n')
  turnOver(file, 1200)
  expect(readFileSync(`${file}.1`, 'utf8')).toMatch(/one more\n$/)
  expect(statSync(`${file}.1`).mode & 0o777).toBe(0o600)
  writeSync(writer, 'new\n')
  appendFileSync(file, 'another writer\n')
  closeSync(writer)
  expect(readFileSync(file, 'utf8')).toBe('new\nanother writer\n')
})

test('a log that is not there yet is left alone', () => {
  expect(() => turnOver(join(folder, 'none.log'))).not.toThrow()
})
