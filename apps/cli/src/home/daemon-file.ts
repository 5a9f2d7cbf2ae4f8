/** `daemon.json`: what the running daemon says of itself; left behind by a killed one, so who reads it checks the process. */

import { rmSync } from 'node:fs'
import { parseAs } from '@claudemesh/protocol'
import { z } from 'zod'
import type { HomePaths } from './paths.ts'
import { readIfThere } from './read-if-there.ts'
import { writeSecretFile } from './secret-file.ts'

const daemonFile = z.object({
  pid: z.int().positive(),
  /** `processIdentity(pid)` of daemon/process-identity.ts: tells a recycled pid apart. */
  startTime: z.string(),
  socket: z.string(),
  version: z.string(),
  /** ms since 1970. */
  startedAt: z.int(),
})
type DaemonFile = z.output<typeof daemonFile>

export function writeDaemonFile(paths: HomePaths, file: DaemonFile): void {
  writeSecretFile(paths.daemonFile, `${JSON.stringify(file, null, 2)}\n`)
}

/** `undefined` where there is none or it cannot be understood: it is no secret and made anew at every start. */
export function readDaemonFile(paths: HomePaths): DaemonFile | undefined {
  const text = readIfThere(paths.daemonFile)
  if (text === undefined) return undefined
  try {
    return parseAs(daemonFile, JSON.parse(text)).data
  } catch {
    return undefined
  }
}

export function removeDaemonFile(paths: HomePaths): void {
  rmSync(paths.daemonFile, { force: true })
}
