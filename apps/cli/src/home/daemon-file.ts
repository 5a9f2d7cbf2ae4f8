/** `daemon.json`: what the running daemon says of itself; left behind by a killed one, so who reads it checks the process. */

import { rmSync } from 'node:fs'
import type { HomePaths } from './paths.ts'
import { readIfThere } from './read-if-there.ts'
import { writeSecretFile } from './secret-file.ts'

interface DaemonFile {
  readonly pid: number
  /** `processIdentity(pid)` of daemon/process-identity.ts: tells a recycled pid apart. */
  readonly startTime: string
  readonly socket: string
  readonly version: string
  /** ms since 1970. */
  readonly startedAt: number
}

export function writeDaemonFile(paths: HomePaths, file: DaemonFile): void {
  writeSecretFile(paths.daemonFile, `${JSON.stringify(file, null, 2)}\n`)
}

/** `undefined` where there is none or it cannot be understood: it is no secret and made anew at every start. */
export function readDaemonFile(paths: HomePaths): DaemonFile | undefined {
  const text = readIfThere(paths.daemonFile)
  if (text === undefined) return undefined
  try {
    const file: Record<keyof DaemonFile, unknown> = JSON.parse(text)
    return isWhole(file) ? file : undefined
  } catch {
    return undefined
  }
}

export function removeDaemonFile(paths: HomePaths): void {
  rmSync(paths.daemonFile, { force: true })
}

/** By hand: every command reads this first, and schemas take longer to load than the daemon to answer. */
const isWhole = (file: Record<keyof DaemonFile, unknown>): file is DaemonFile =>
  Number.isSafeInteger(file.pid) &&
  (file.pid as number) > 0 &&
  typeof file.startTime === 'string' &&
  typeof file.socket === 'string' &&
  typeof file.version === 'string' &&
  Number.isSafeInteger(file.startedAt)
