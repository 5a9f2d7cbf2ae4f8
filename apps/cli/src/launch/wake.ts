/**
 * Run by Claude Code with `asyncRewake` when a session starts and at the end of each turn: waits at the daemon until something shall
 * wake the session, then prints it on stderr and ends with 2. The daemon lets only the newest of a session live. Imports nothing
 * heavy, since it starts often.
 *
 * Installed in the user's settings (`--home=`) it waits for whichever session runs it; a launched one has its own.
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
const installedFor = process.argv.find(word => word.startsWith('--home='))?.slice('--home='.length)
const home = installedFor ?? launched?.home
if (!mayWait || home === undefined || !client || (installedFor !== undefined && launched !== undefined))
  process.exit(0)

for (let unknown = 0; unknown < MOST_UNKNOWN; ) {
  try {
    const tokenFile = launched?.tokenFile ?? (await tokenFileOfProcess())
    const answer = tokenFile && (await ask('/v1/wake', tokenFile, { session_id }))
    if (answer === '') process.exit(0)
    if (answer?.status === 200) {
      process.stderr.write(await answer.text())
      process.exit(WAKE)
    }
    if (answer !== undefined && answer.status !== 404) process.exit(0)
    unknown++
  } catch {
    // A daemon that is away comes back, unless the client is gone first.
    if (!isAlive(Number(client))) process.exit(0)
  }
  await Bun.sleep(AGAIN_MS)
}
process.exit(0)

/** Asks the daemon by the token in this file; '' where the file is gone, which is where the session was closed. */
async function ask(path: string, tokenFile: string, body: object): Promise<Response | ''> {
  let token = ''
  try {
    token = readFileSync(tokenFile, 'utf8').trim()
  } catch {
    return ''
  }
  const { socket } = JSON.parse(readFileSync(join(home!, 'daemon.json'), 'utf8'))
  const patience = { timeout: false } as RequestInit
  return fetch(`http://localhost${path}`, {
    ...patience,
    unix: socket,
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** Of the session that this client was opened as; `undefined` where it is none yet. */
async function tokenFileOfProcess(): Promise<string | undefined> {
  const answer = await ask('/v1/sessions/of-process', join(home!, 'token'), { pid: Number(client) })
  return answer !== '' && answer.ok ? (await answer.json()).tokenFile : undefined
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
