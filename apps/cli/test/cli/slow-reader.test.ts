import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

/** More than a pipe and its buffers hold. */
const LINES = 2_000
const LINE = 600
const program = `
  import { written } from '${import.meta.dirname}/../../src/output/written.ts'
  for (let i = 0; i < ${LINES}; i++) process.stdout.write('x'.repeat(${LINE - 1}) + '\\n')
  process.stderr.write('all is written')
  await written()
  process.exit(0)
`

test('who reads a long answer only once it is all written gets all of it', async () => {
  const child = spawn(process.execPath, ['--eval', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  await once(child.stderr, 'data')
  let bytes = 0
  child.stdout.on('data', chunk => {
    bytes += chunk.length
  })
  await ended
  expect(bytes).toBe(LINES * LINE)
})
