/**
 * Run by Claude Code with `asyncRewake` when a session starts and at the end of each turn: waits at the daemon until something shall
 * wake the session, then prints it on stderr and ends with 2. The daemon lets only the newest of a session live. Imports nothing
 * heavy, since it starts often.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { launchedHere } from './launched-here.ts'

/** What Claude Code takes for "wake the model with what stands on stderr" (2.1.329). */
const WAKE = 2
/** Between two calls while the daemon is away. */
const AGAIN_MS = 2000
/** How often a daemon that does not know the session is asked: its SessionStart may still be on the way there. */
const MOST_UNKNOWN = 5

const launched = await launchedHere(process.env)
const { CLAUDE_PID: client, CLAUDE_CODE_SESSION_ID: session_id } = process.env
// Without a terminal the client waits for this hook like for any other (2.1.329): its turn would never end.
const mayWait = process.env.CLAUDE_CODE_ENTRYPOINT === 'cli'
if (!mayWait || launched === undefined || !client) process.exit(0)
const { home, tokenFile } = launched

for (let unknown = 0; unknown < MOST_UNKNOWN; ) {
  let token = ''
  try {
    token = readFileSync(tokenFile, 'utf8').trim()
  } catch {
    // The session was closed.
    process.exit(0)
  }
  try {
    const { socket } = JSON.parse(readFileSync(join(home, 'daemon.json'), 'utf8'))
    const patience = { timeout: false } as RequestInit
    const answer = await fetch('http://localhost/v1/wake', {
      ...patience,
      unix: socket,
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ session_id }),
    })
    if (answer.status === 200) {
      process.stderr.write(await answer.text())
      process.exit(WAKE)
    }
    if (answer.status !== 404) process.exit(0)
    unknown++
  } catch {
    // A daemon that is away comes back, unless the client is gone first.
    if (!isAlive(Number(client))) process.exit(0)
  }
  await Bun.sleep(AGAIN_MS)
}
process.exit(0)

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
