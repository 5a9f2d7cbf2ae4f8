import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const FILE = fileURLToPath(new URL('./give-back.ts', import.meta.url))

/** A process that has parsed and bundled; its resident pages of files (kB) before and after, and what it still computes. */
const PROGRAM = `
  import { readFileSync } from 'node:fs'
  import { giveBackCode, giveBackPages } from ${JSON.stringify(FILE)}
  const resident = () => Number(/^RssFile:\\s+(\\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))[1])
  await Bun.build({ entrypoints: [${JSON.stringify(FILE)}], target: 'bun' })
  const before = resident()
  giveBackCode()
  giveBackPages()
  const after = resident()
  const { success } = await Bun.build({ entrypoints: [${JSON.stringify(FILE)}], target: 'bun' })
  console.log(JSON.stringify({ before, after, success }))
`

test.runIf(process.platform === 'linux')('what a burst ran through leaves memory, and still runs', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', PROGRAM], { encoding: 'utf8' })
  const { before, after, success } = JSON.parse(stdout || JSON.stringify(stderr))
  expect(success).toBe(true)
  expect(after).toBeLessThan(before - 8_192)
})
