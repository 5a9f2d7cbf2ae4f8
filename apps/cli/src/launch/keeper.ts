/**
 * Stands in for a `launch` that has ended while copies of its session run on in the background: holds the port of their http hooks, so
 * that no other user's program can take it and read them, and keeps the plugin they are started with. Ends with the last copy.
 */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { jobsWithFlag, runningSessions } from '@claudemesh/claude'
import { callDaemon } from '../api/client.ts'
import { homePaths } from '../home/paths.ts'
import { openHookRelay } from './hook-relay.ts'
import { KEPT, keeping } from './keep-relay.ts'
import { removePluginDir } from './plugin-dir.ts'

const LOOK_MS = 2000
/** A copy that starts, or was killed and is started again by its supervisor (after 10 s, 2.1.329), has no process for so long, ms. */
const PROCESS_MS = 60_000

const { home, configDir, dir, tokenFile, uuid, port, token } = keeping.parse(await Bun.stdin.json())
const relay = openHookRelay({ home, tokenFile, from: { port, token } })
await Bun.write(Bun.stdout, KEPT)

for (let seenAt = Date.now(); ; await Bun.sleep(LOOK_MS)) {
  const jobs = jobsWithFlag(configDir, dir)
  const running = runningSessions(configDir, () => {})
  if (running.some(({ jobId }) => jobId !== undefined && jobs.includes(jobId))) seenAt = Date.now()
  if (jobs.length === 0 || Date.now() - seenAt > PROCESS_MS) break
}
await relay.stop()
if (isOurs()) {
  removePluginDir(dir)
  const user = readFileSync(homePaths(home).token, 'utf8').trim()
  const body = { dropToken: basename(tokenFile, '.token') }
  // A daemon that is away keeps it no longer either: the plugin's folder is gone.
  await callDaemon('closeSession', { home, token: user, params: { uuid }, body }).catch(() => {})
}
process.exit(0)

/** Not where the session was launched again meanwhile. */
function isOurs(): boolean {
  try {
    return readFileSync(join(dir, 'hooks', 'hooks.json'), 'utf8').includes(token)
  } catch {
    return true
  }
}
