/**
 * Run by Claude Code at a hook that takes no URL: hands the payload to the daemon and prints its answer. Says nothing and succeeds
 * when the daemon is away, so that no turn ever waits for it or fails by it.
 */
import { forwardHook, START_PATIENCE_MS } from './forward-hook.ts'

try {
  const { CLAUDEMESH_HOME: home, CLAUDEMESH_TOKEN_FILE: tokenFile } = process.env
  if (home && tokenFile) {
    const payload = JSON.parse(await Bun.stdin.text())
    const signal = AbortSignal.timeout(START_PATIENCE_MS)
    const pid = Number(process.env.CLAUDE_PID)
    const from = pid > 0 ? { home, tokenFile, pid, signal } : { home, tokenFile, signal }
    process.stdout.write(await forwardHook(payload, from))
  }
} catch {
  // A daemon that is away loses nothing: its messages wait, and the transcript proves what was read.
}
process.exit(0)
