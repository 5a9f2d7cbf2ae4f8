/** How a process in the background tells its starter, once, that it is ready or why it cannot be. */
import { closeSync, writeSync } from 'node:fs'
import { sayError } from '../output/error-line.ts'

/** The pipe to the starter; there only where the environment says so. */
export const REPORT_FD = 3

let open = process.env.CLAUDEMESH_REPORT_FD === String(REPORT_FD)
// What this process starts has no such pipe.
delete process.env.CLAUDEMESH_REPORT_FD

/** Ready, with facts for the starter. Later reports go nowhere. */
export const reportReady = (facts: unknown = {}): void => report({ ready: facts })

/** Runs `start`; what it throws is reported, then thrown on. */
export async function reporting<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (thrown) {
    const { code, line } = sayError(thrown)
    report({ error: { code, message: line } })
    throw thrown
  }
}

function report(value: unknown): void {
  if (!open) return
  open = false
  try {
    writeSync(REPORT_FD, `${JSON.stringify(value)}\n`)
    closeSync(REPORT_FD)
  } catch {
    // The starter is gone; there is nobody to tell.
  }
}
