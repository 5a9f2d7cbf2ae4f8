import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { equalBytes } from '@claudemesh/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadBrokerKey } from './broker-key.ts'

let folder = ''
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'broker-key-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a missing key is made once, 0600 under any umask, and nothing is left beside it', () => {
  const script = `
    import { loadBrokerKey } from './src/broker-key.ts'
    loadBrokerKey(null, process.env.KEY)`
  const cwd = new URL('..', import.meta.url).pathname
  const command = ['sh', '-c', 'umask 000; exec "$0" -e "$1"', process.execPath, script]
  expect(Bun.spawnSync(command, { cwd, env: { KEY: join(folder, 'key') } }).stderr.toString()).toBe('')
  const first = loadBrokerKey(null, join(folder, 'key'))
  expect(statSync(join(folder, 'key')).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['key'])
  expect(equalBytes(loadBrokerKey(null, join(folder, 'key')).publicKey, first.publicKey)).toBe(true)
})

test('a key that others can read is refused', () => {
  loadBrokerKey(null, join(folder, 'key'))
  chmodSync(join(folder, 'key'), 0o644)
  expect(() => loadBrokerKey(null, join(folder, 'key'))).toThrow(/chmod 600/)
})

test('a broken key is an error, never silently a new broker', () => {
  writeFileSync(join(folder, 'key'), 'broken', { mode: 0o600 })
  expect(() => loadBrokerKey(null, join(folder, 'key'))).toThrow(/does not hold a key/)
  expect(readFileSync(join(folder, 'key'), 'utf8')).toBe('broken')
})

test('a link in the place of the key is not followed', () => {
  loadBrokerKey(null, join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'key'))
  expect(() => loadBrokerKey(null, join(folder, 'key'))).toThrow(/cannot be opened/)
})

test('without a file and a secret it says which to set', () => {
  expect(() => loadBrokerKey(null, undefined)).toThrow(/BROKER_KEY_FILE/)
})
