/**
 * Hands one hook payload of Claude Code to the daemon of a home. A process that only does this starts often: it imports nothing, not
 * even of Node, whose modules and streams take Bun 5 to 20 ms to set up.
 */

/** How long a turn of Claude waits for the daemon at a hook, ms; where nobody listens it does not wait at all. */
export const PATIENCE_MS = 500
/** The same for the one hook of a session's start, before there is a turn to hold up. */
export const START_PATIENCE_MS = 1500
/** A daemon that was too slow once is not waited for again for this long, ms: a hook that costs `PATIENCE_MS` each time is felt. */
export const SLOW_MS = 10_000

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

/** A hook's payload as Claude writes it: its fields are known to `hookPayload` of @claudemesh/claude. */
export type Payload = Readonly<Record<string, unknown>>

/**
 * The daemon's answer, which is hook output (JSON), or '' where it has none. `tokenFile`: whose hook this is. `pid`:
 * Claude's own process, where it is known; `mesh`: where a session begins that nobody launched. Rejects where no daemon answers, the token is gone or `signal` ends it.
 */
export async function forwardHook(
  payload: Payload,
  o: {
    home: string
    tokenFile: string
    signal: AbortSignal
    pid?: number | undefined
    mesh?: string | undefined
  },
): Promise<string> {
  const { socket } = await Bun.file(`${o.home}/daemon.json`).json()
  const token = await Bun.file(o.tokenFile).text()
  const answer = await fetch('http://localhost/v1/hook', {
    unix: socket,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${token.trim()}`,
    },
    body: JSON.stringify({
      ...Object.fromEntries(FIELDS.map(field => [field, payload[field]])),
      pid: o.pid,
      mesh: o.mesh,
      prompt: typeof payload.prompt === 'string' ? framedLines(payload.prompt) : undefined,
    }),
    signal: o.signal,
  })
  const output = answer.ok ? await answer.text() : ''
  return output === '{}' ? '' : output
}

/** The lines of a prompt by which delivery/frame.ts knows its own messages again. */
function framedLines(prompt: string): string {
  return prompt
    .split('\n')
    .filter(line => line.startsWith('== message '))
    .join('\n')
}
