/** The hooks of Claude Code we use: what they are given and what they may answer (2.1.329). */
import { z } from 'zod'
import { HOOKS_USED } from './hooks-used.ts'

/**
 * Events whose `additionalContext` we let stand in the next request. On Stop it would continue the turn (8 times at most). Not
 * SessionStart: its context waits for the next prompt, whose own hook carries it as well, and what was given there would keep the idle
 * session from being woken; at `/resume` the sessions file does not say yet that the process has a socket.
 */
const CARRIES_CONTEXT: ReadonlySet<string> = new Set(['UserPromptSubmit', 'PostToolUse', 'Stop'])

/** The flat payload on a hook's stdin; unknown events and fields pass. */
export const hookPayload = z.looseObject({
  session_id: z.string(),
  hook_event_name: z.string().max(64),
  transcript_path: z.string().max(4096).optional(),
  cwd: z.string().max(4096).optional(),
  /** UserPromptSubmit: the bare text, as typed or as pushed. */
  prompt: z.string().optional(),
  /** SessionStart: startup, resume, clear, compact, fork. */
  source: z.string().optional(),
  /** SessionEnd: prompt_input_exit, clear, resume, other. */
  reason: z.string().optional(),
  /** Set inside a subagent, whose context is not the session's. */
  agent_id: z.string().optional(),
  /** Stop: a Stop hook already continued this turn. */
  stop_hook_active: z.boolean().optional(),
})
export type HookPayload = z.output<typeof hookPayload>

export const isKnownHook = (event: string): boolean => (HOOKS_USED as readonly string[]).includes(event)

export const carriesContext = (event: string): boolean => CARRIES_CONTEXT.has(event)

/** Hook output that puts `text` into the model's next request. */
export const contextOutput = (event: string, text: string): object => ({
  hookSpecificOutput: { hookEventName: event, additionalContext: text },
})
