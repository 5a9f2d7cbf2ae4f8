/** The fuzzer's long form: ten million inputs, of a seed that is printed. */
import { expect, test } from 'vitest'
import { fuzzAll } from '../src/fuzz-all.ts'

test('ten million inputs break no reader', async () => {
  const seed = Number(process.env.SEED ?? Date.now() & 0x7fff_ffff)
  console.log(`seed ${seed}`)
  let inputs = 0
  for await (const { target, result } of fuzzAll({ inputs: 10_000_000, seed })) {
    inputs += result.inputs
    expect({ target, findings: result.findings.map(({ message }) => message) }).toEqual({
      target,
      findings: [],
    })
  }
  expect(inputs).toBeGreaterThanOrEqual(10_000_000)
})
