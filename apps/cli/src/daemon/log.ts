/** The daemon's log: JSON lines in a 0600 file that is turned over and bounded. Never a text, a name of a peer or a secret. */
import { chmodSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { createStream } from 'rotating-file-stream'
import { ensurePrivateFolder, type HomePaths } from '../home/index.ts'

/** At most 6 files of 4 MiB. */
const SIZE = '4M'
const KEPT = 5

export interface DaemonLog {
  (event: string, facts?: Record<string, unknown>): void
  /** Resolves when what was logged stands in the file. */
  end(): Promise<void>
}

export function openLog(paths: HomePaths): DaemonLog {
  ensurePrivateFolder(paths.logs)
  // A file that an older umask left readable is closed to others before it grows.
  for (const name of readdirSync(paths.logs))
    if (name.startsWith('daemon.')) chmodSync(join(paths.logs, name), 0o600)
  const stream = createStream('daemon.log', { path: paths.logs, size: SIZE, maxFiles: KEPT, mode: 0o600 })
  // A full disk must not end the daemon: what cannot be logged is lost.
  stream.on('error', () => {})
  const logger = pino({ base: { pid: process.pid }, messageKey: 'event' }, stream)
  const log = (event: string, facts: Record<string, unknown> = {}) => logger.info(facts, event)
  return Object.assign(log, { end: () => new Promise<void>(resolve => stream.end(resolve)) })
}
