import { readFileSync } from 'node:fs'
import { MeshError, toBase64url } from '@claudemesh/protocol'
import { expect, test } from 'vitest'
import { environment, readSettings } from './settings.ts'

const DATABASE_URL = 'postgres://127.0.0.1/mesh'

test('the table in README says of every setting its name, default and meaning', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const defaults: Record<string, unknown> = environment.parse({})
  const rows = Object.entries(environment.shape).map(([name, schema]) => {
    const value = defaults[name]
    const shown =
      value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
        ? ''
        : `\`${String(value)}\``
    return [`\`${name}\``, shown, String(schema.meta()?.about)]
  })
  const cells = (line: string) =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim())
  const table = readme.split('\n').filter(line => line.startsWith('| `'))
  expect(table.map(cells)).toEqual(rows)
})

test('without DATABASE_URL it says what to do', () => {
  expect(() => readSettings({})).toThrow(/DATABASE_URL is not set.*claudemesh up/)
})

test('a wrong value names its variable and not its content', () => {
  for (const [name, value] of [
    ['DATABASE_URL', 'postgres://me:secret-but-wrong@one,two/mesh'],
    ['DATABASE_URL', 'postgres://me:secret-but-wrong@one:5432,two:5432/mesh'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'secret-but-wrong.example:4318'],
    ['BROKER_PORT', '70000'],
    ['MESH_CREATE', 'perhaps'],
    ['BROKER_KEY', 'secret-but-wrong'],
    ['FRAME_BYTES', '-1'],
    ['HANDSHAKE_MS', 'NaN'],
  ] as const) {
    let error: unknown
    try {
      readSettings({ DATABASE_URL, [name]: value })
    } catch (cause) {
      error = cause
    }
    expect(error).toBeInstanceOf(MeshError)
    expect(error).toMatchObject({ code: 'usage', field: name })
    expect(String(error)).not.toContain('secret-but-wrong')
  }
})

test('an empty variable counts as absent, and lists are trimmed and lowered', () => {
  const settings = readSettings({
    DATABASE_URL,
    BROKER_PORT: '',
    PUBLIC_HOSTS: ' Mesh.Example.org , ,localhost:1 ',
  })
  expect(settings.BROKER_PORT).toBe(7900)
  expect(settings.PUBLIC_HOSTS).toEqual(['mesh.example.org', 'localhost:1'])
})

test('PORT is taken where a host sets that and nobody chose another', () => {
  expect(readSettings({ DATABASE_URL, PORT: '8080' }).BROKER_PORT).toBe(8080)
  expect(readSettings({ DATABASE_URL, PORT: '8080', BROKER_PORT: '7001' }).BROKER_PORT).toBe(7001)
  expect(() => readSettings({ DATABASE_URL, PORT: 'tcp://1' })).toThrow(/BROKER_PORT/)
})

test('MESH_CREATE=token is refused without the token', () => {
  expect(() => readSettings({ DATABASE_URL, MESH_CREATE: 'token' })).toThrow(/MESH_CREATE_TOKEN/)
})

test('a broker key in the environment is 32 bytes of base64url', () => {
  const seed = new Uint8Array(32).fill(7)
  expect(readSettings({ DATABASE_URL, BROKER_KEY: toBase64url(seed) }).BROKER_KEY).toEqual(seed)
})
