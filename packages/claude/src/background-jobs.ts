/**
 * Background sessions of Claude Code (2.1.329): `/fork`, `/background`, the left arrow and `--bg` run on under a supervisor, each with
 * a folder `<config>/jobs/<id>` whose `state.json` has the flags it is started with, now and after it died.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface JobState {
  /** `stopped` by its user; other words for one that goes on or waits. */
  readonly state?: unknown
  readonly respawnFlags?: unknown
}

/** Ids of the jobs that were not stopped and have this among their flags, a path for one. None where the folder is missing. */
export function jobsWithFlag(configDir: string, flag: string): string[] {
  const folder = join(configDir, 'jobs')
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return []
  }
  return names.filter(name => {
    try {
      const job: JobState = JSON.parse(readFileSync(join(folder, name, 'state.json'), 'utf8'))
      const { state, respawnFlags } = job
      return state !== 'stopped' && Array.isArray(respawnFlags) && respawnFlags.includes(flag)
    } catch {
      return false
    }
  })
}
