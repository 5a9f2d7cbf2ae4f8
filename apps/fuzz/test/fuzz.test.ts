/** The fuzzer's short form: every reader meets a few thousand inputs, the same each time; and the fuzzer does find what is wrong. */
import { MeshError } from '@claudemesh/protocol'
import { expect, test } from 'vitest'
import { dice } from '../src/dice.ts'
import { fuzzAll } from '../src/fuzz-all.ts'
import { mutateBytes } from '../src/mutate-bytes.ts'
import { fuzz } from '../src/run.ts'
import type { Target } from '../src/target.ts'

const SEED = 20_261_121
const bytes = (text: string) => new TextEncoder().encode(text)

test('every reader refuses by a MeshError what it does not read, and neither hangs, grows nor throws anything else', {
  timeout: 300_000,
}, async () => {
  const met = new Set<string>()
  for await (const { target, result } of fuzzAll({ inputs: 15_000, seed: SEED })) {
    met.add(target)
    expect({ target, findings: result.findings.map(({ message }) => message) }).toEqual({
      target,
      findings: [],
    })
    expect(result.read, `${target} reads its corpus`).toBeGreaterThan(0)
  }
  expect(met.size).toBe(16)
})

test('the same seed makes the same inputs', async () => {
  const inputs = async () => {
    const seen: string[] = []
    const target: Target = {
      name: 'recorded',
      form: 'json',
      read: input => `${seen.push(Buffer.from(input).toString('hex')) % 7}`,
    }
    await fuzz(target, { inputs: 500, seed: SEED, corpus: [bytes('{"a":[1,"b",{"c":null}]}'), bytes('[]')] })
    return seen
  }
  const first = await inputs()
  expect(new Set(first).size).toBeGreaterThan(200)
  expect(await inputs()).toEqual(first)
})

test('a reader that trips two levels down is found, by what it answered on the way', async () => {
  const target: Target = {
    name: 'trips',
    form: 'json',
    read(input) {
      const value = parse(input)
      if (typeof value.kind !== 'string') throw new MeshError('bad-field', 'refused', { field: 'kind' })
      const list = value.list as unknown[]
      return list.length > 2 ? `long ${(list[0] as { name: string }).name.length}` : 'short'
    },
  }
  const { findings } = await fuzz(target, {
    inputs: 5000,
    seed: SEED,
    corpus: [bytes('{"kind":"x","list":[{"name":"a"},{"name":"b"}]}')],
  })
  expect(findings.length).toBeGreaterThan(0)
  expect(findings[0]!.message).toContain('TypeError')
  expect(() => target.read(findings[0]!.input!)).toThrow(TypeError)
})

test('a reader that keeps what it was given is found to grow', async () => {
  const kept: string[] = []
  const target: Target = {
    name: 'keeps',
    form: 'bytes',
    read: input => `${kept.push(Buffer.from(input).toString('latin1') + Math.random()) % 2}`,
  }
  const { findings } = await fuzz(target, { inputs: 4000, seed: SEED, corpus: [new Uint8Array(20_000)] })
  expect(findings.map(({ kind }) => kind)).toEqual(['growth'])
})

test('changed bytes stay within their bound', () => {
  const roll = dice(SEED)
  const base = bytes('x'.repeat(900))
  for (let n = 0; n < 2000; n++) expect(mutateBytes(base, roll, base, 1000).length).toBeLessThanOrEqual(1000)
})

function parse(input: Uint8Array): Record<string, unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(input))
  } catch {
    throw new MeshError('bad-frame', 'no JSON')
  }
}
