/** Scratch homes under the temporary folder, gone after the test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cm-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
