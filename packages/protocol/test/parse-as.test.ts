import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { parseAs } from '../src/index.ts'

const tripping = { length: { toString: 0 } }
const schema = z.strictObject({ name: z.string().max(9), list: z.array(z.int()).max(3).optional() })

test('what trips zod is refused by its field', () => {
  expect(() => schema.safeParse({ name: tripping })).toThrow(TypeError)
  const { success, error } = parseAs(schema, { name: tripping })
  expect(success).toBe(false)
  expect(error!.issues[0]).toMatchObject({ path: ['name'], code: 'invalid_type' })
  expect(parseAs(schema, { name: 'x', list: tripping }).error!.issues[0]!.path).toEqual(['list'])
  expect(parseAs(z.string().max(1), tripping).success).toBe(false)
})

test('every other value is read as zod reads it', () => {
  for (const value of [{ name: 'x' }, { name: 'x', toString: 0 }, { name: 7 }, null, [], 'x', { length: 0 }])
    expect(parseAs(schema, value).success).toBe(schema.safeParse(value).success)
})

test('nobody reads what comes from outside past it', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const files = globSync('{packages,apps}/*/src/**/*.ts', { cwd: root }).filter(
    file => !file.endsWith('.test.ts'),
  )
  expect(files.length).toBeGreaterThan(300)
  const past = files.filter(file => /\bsafe(Parse|Decode)\(/.test(readFileSync(root + file, 'utf8')))
  expect(past).toEqual(['packages/protocol/src/parse-as.ts'])
})
