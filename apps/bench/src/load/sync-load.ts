/** How long the disk takes to keep a promise: no commit is faster, and on a shared machine this is what drifts most. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quantile } from '../stats.ts'
import type { Latency } from './commands.ts'

const WRITES = 300
const BYTES = 8192
/** A file that was written before, as a WAL segment is. */
const FILE_BYTES = WRITES * BYTES

/** Overwrites a page and waits for the disk, again and again. */
export function syncLoad(): Latency {
  const folder = mkdtempSync(join(tmpdir(), 'claudemesh-sync-'))
  const file = openSync(join(folder, 'file'), 'w')
  const took = new Float64Array(WRITES)
  try {
    writeSync(file, new Uint8Array(FILE_BYTES))
    fdatasyncSync(file)
    const page = new Uint8Array(BYTES).fill(1)
    for (let i = 0; i < WRITES; i++) {
      const began = performance.now()
      writeSync(file, page, 0, BYTES, i * BYTES)
      fdatasyncSync(file)
      took[i] = performance.now() - began
    }
  } finally {
    closeSync(file)
    rmSync(folder, { recursive: true, force: true })
  }
  took.sort()
  return { messages: WRITES, p50: quantile(took, 0.5), p99: quantile(took, 0.99) }
}
