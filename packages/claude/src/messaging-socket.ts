/** Writes one message into a live session's messaging socket. A write is not a delivery: the socket answers nothing. */
import { connect } from 'node:net'

/** Limits of the socket as measured on 2.1.329; what goes beyond is dropped without a word. */
export const SOCKET_LIMITS = {
  /** A line of more is refused; 700 KB arrived whole. */
  lineBytes: 1 << 20,
  /** A sender's bucket holds 30 pushes; fewer, for it may not have been full. */
  burst: 25,
  /** And gets one back in this time. */
  refillMs: 2000,
  /** The same body is dropped within this time. */
  sameBodyMs: 30_000,
} as const

/** `written`: the socket took the whole line. `gone`: nobody listens there. */
export type PushOutcome = 'written' | 'gone' | 'too-large'

/** `now` does not kill a running tool, `next` comes at the next tool boundary, `later` after the turn. */
export type PushPriority = 'now' | 'next' | 'later'

/** The line the socket expects; a wrong `session_id` is dropped, content must be a string. */
const pushLine = (sessionId: string, text: string, priority: PushPriority): string =>
  `${JSON.stringify({ type: 'user', message: { role: 'user', content: text }, priority, session_id: sessionId })}\n`

/**
 * Pushes `text` into the session; gives up after `timeoutMs`. `before` is called once somebody listens, before the first byte goes: what
 * is to be known after a crash is stored there.
 */
export function pushText(
  target: { socketPath: string; sessionId: string },
  text: string,
  priority: PushPriority,
  before: () => void,
  timeoutMs = 2000,
): Promise<PushOutcome> {
  const line = pushLine(target.sessionId, text, priority)
  if (Buffer.byteLength(line) >= SOCKET_LIMITS.lineBytes) return Promise.resolve('too-large')
  return new Promise(resolve => {
    const socket = connect(target.socketPath)
    const end = (outcome: PushOutcome): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome)
    }
    const timer = setTimeout(() => end('gone'), timeoutMs)
    socket.on('error', () => end('gone'))
    socket.on('connect', () => {
      before()
      socket.end(line, () => end('written'))
    })
  })
}
