/**
 * Run by Claude Code at each hook: hands the payload to the daemon and prints its answer. Imports nothing of ours, since it starts at
 * every tool call; says nothing and succeeds when the daemon is away, so that no turn ever waits for it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Longest wait for the daemon, ms; a hook that ends in time costs 20 to 30 ms in all. */
const PATIENCE_MS = 1500
/** What the daemon needs of a payload: tool input, output and what the user typed stay here. */
const FIELDS = [
  'session_id',
  'hook_event_name',
  'transcript_path',
  'cwd',
  'source',
  'reason',
  'agent_id',
  'stop_hook_active',
]

try {
  const { CLAUDEMESH_HOME: home, CLAUDEMESH_TOKEN_FILE: tokenFile } = process.env
  if (home && tokenFile) {
    const payload = JSON.parse(await Bun.stdin.text())
    const { socket } = JSON.parse(readFileSync(join(home, 'daemon.json'), 'utf8'))
    const answer = await fetch('http://localhost/v1/hook', {
      unix: socket,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`,
      },
      body: JSON.stringify({
        ...Object.fromEntries(FIELDS.map(field => [field, payload[field]])),
        pid: Number(process.env.CLAUDE_PID) || undefined,
        prompt: typeof payload.prompt === 'string' ? framedLines(payload.prompt) : undefined,
      }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    const output = answer.ok ? await answer.text() : ''
    if (output !== '' && output !== '{}') process.stdout.write(output)
  }
} catch {
  // A daemon that is away loses nothing: its messages wait, and the transcript proves what was read.
}
process.exit(0)

/** The lines of a prompt by which delivery/frame.ts knows its own messages again. */
function framedLines(prompt: string): string {
  return prompt
    .split('\n')
    .filter(line => line.startsWith('== message '))
    .join('\n')
}
