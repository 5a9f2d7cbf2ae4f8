/**
 * Background sessions of Claude Code (2.1.329): `/fork`, `/background`, the left arrow and `--bg` run on under a supervisor, each with
 * a folder `<config>/jobs/<id>` whose `state.json` has the flags it is started with, now and after it died.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const jobState = z.looseObject({
  /** `stopped` by its user; other words for one that goes on or waits. */
  state: z.string().optional(),
  respawnFlags: z.array(z.string()).optional(),
})

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
      const { state, respawnFlags } = jobState.parse(
        JSON.parse(readFileSync(join(folder, name, 'state.json'), 'utf8')),
      )
      return state !== 'stopped' && respawnFlags?.includes(flag) === true
    } catch {
      return false
    }
  })
}
