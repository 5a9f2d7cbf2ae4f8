/**
 * Run by Claude Code at a hook that takes no URL: hands the payload to the daemon and prints its answer. Says nothing and succeeds
 * when the daemon is away, so that no turn ever waits for it or fails by it.
 *
 * In a launched session it speaks for that session. Installed in the user's settings (`--home=`, `--mesh=`) it speaks for whichever session
 * runs it, by the user's token, which lies in a file only the user can read; a launched session has hooks of its own, and a session
 * of a script is not made a peer behind its back.
 */
import { forwardHook, PATIENCE_MS, type Payload, SLOW_MS, START_PATIENCE_MS } from './forward-hook.ts'
import { launchedHere } from './launched-here.ts'

const { CLAUDE_CODE_ENTRYPOINT, CLAUDE_JOB_DIR, CLAUDE_PID } = process.env
const option = (name: string): string | undefined =>
  process.argv.find(word => word.startsWith(name))?.slice(name.length)
const installedFor = option('--home=')

try {
  const launched = await launchedHere(process.env)
  if (installedFor === undefined) {
    if (launched !== undefined)
      await tell(launched.home, launched.tokenFile, JSON.parse(await Bun.stdin.text()))
  } else if (launched === undefined && CLAUDE_PID && !CLAUDE_CODE_ENTRYPOINT?.startsWith('sdk'))
    await tellOnce(installedFor)
} catch {
  // A daemon that is away loses nothing: its messages wait, and the transcript proves what was read.
}
process.exit(0)

/** A daemon that was too slow is left alone for a while: this runs at every tool call. That a session begins, it is told all the same. */
async function tellOnce(home: string): Promise<void> {
  const payload = JSON.parse(await Bun.stdin.text())
  // The client starts background sessions ahead of time that nobody may ever use: one begins with its first prompt.
  if (CLAUDE_JOB_DIR && payload.source === 'startup') return
  const slow = Bun.file(`${home}/run/slow`)
  const wasSlow = (await slow.exists()) && Date.now() - slow.lastModified < SLOW_MS
  if (wasSlow && payload.hook_event_name !== 'SessionStart') return
  try {
    await tell(home, `${home}/token`, payload)
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') await Bun.write(slow, '', { mode: 0o600 })
  }
}

async function tell(home: string, tokenFile: string, payload: Payload): Promise<void> {
  const patience = payload.hook_event_name === 'SessionStart' ? START_PATIENCE_MS : PATIENCE_MS
  const signal = AbortSignal.timeout(patience)
  const pid = Number(CLAUDE_PID) || undefined
  const output = await forwardHook(payload, { home, tokenFile, signal, pid, mesh: option('--mesh=') })
  if (output !== '') await Bun.write(Bun.stdout, output)
}
