import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { tail } from './tail.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cm-tail-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('the last lines, oldest first', async () => {
  const log = join(folder, 'a.log')
  writeFileSync(log, 'one\ntwo\nthree\n')
  expect(await Array.fromAsync(tail(log, { lines: 2, follow: false }))).toEqual(['two', 'three'])
})

test('what is written later comes as it is written, over a rotation too', async () => {
  const log = join(folder, 'a.log')
  writeFileSync(log, 'one\n')
  const lines = tail(log, { lines: 10, follow: true })[Symbol.asyncIterator]()
  expect((await lines.next()).value).toBe('one')
  const second = lines.next()
  appendFileSync(log, 'two\n')
  expect((await second).value).toBe('two')
  const third = lines.next()
  renameSync(log, `${log}.1`)
  writeFileSync(log, 'three\n')
  expect((await third).value).toBe('three')
  await lines.return?.()
})

test('a log that is not there is said to be empty', async () => {
  await expect(
    Array.fromAsync(tail(join(folder, 'none.log'), { lines: 1, follow: false })),
  ).rejects.toMatchObject({
    code: 'not-found',
  })
})
