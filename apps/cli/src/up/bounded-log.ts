/** Logs that running programs append to, kept below a size: the older half stands beside them under `.1`. */
import { copyFileSync, statSync, truncateSync } from 'node:fs'

const LOG_BYTES = 5 << 20
const LOOK_MS = 60_000

/**
 * Sets what stands in `file` aside once it is this big, and empties it in place: whoever has it open for appending goes on
 * at its new end. A line written between the two steps is lost, no other.
 */
export function turnOver(file: string, bytes: number = LOG_BYTES): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= bytes) return
  copyFileSync(file, `${file}.1`)
  truncateSync(file)
}

/** Looks after `files` every minute until the returned function is called. Never throws: a full disk must not end anything. */
export function boundLogs(files: readonly string[]): () => void {
  const timer = setInterval(() => {
    for (const file of files) {
      try {
        turnOver(file)
      } catch {
        // Next minute.
      }
    }
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}
