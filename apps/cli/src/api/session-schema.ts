/** The daemon's local API: sessions of this machine, as they are opened, listed, closed, and as Claude Code's hooks tell of them. */
import { z } from 'zod'
import { deliverMode, keyText, mesh, ms, name, sessionStatus, uuid } from './fields.ts'

export const openSession = z.strictObject({
  mesh,
  uuid,
  name: name.optional(),
  role: z.string().max(64).optional(),
  groups: z.array(z.string().min(1).max(64)).max(32).optional(),
  summary: z.string().max(280).optional(),
  directory: z.string().max(1024).optional(),
  /** `claude`: a launched client, its mail is pushed into it; `plain`: a script, its mail waits in the inbox. */
  kind: z.enum(['claude', 'plain']).default('plain'),
  /** Absent: as it was the last time, else `push`. */
  deliver: deliverMode.optional(),
  /** The process that lives as long as the session; its end closes it. Absent: open until `close`. */
  pid: z.int().positive().optional(),
  /** When the answer comes: once the broker, if it can be asked, holds it as attached, or once it is `open` here, key and row and token. */
  until: z.enum(['attached', 'open']).default('attached'),
})
/**
 * `pid`: whatever session the process of this pid is in by now, in place of the one that is named. `keepToken`: the token of this name
 * outlives it, since copies in the background speak by it; `dropToken`: they have ended, and nothing else is closed.
 */
export const closeSession = z.strictObject({
  pid: z.int().positive().optional(),
  keepToken: uuid.optional(),
  dropToken: uuid.optional(),
})
/** `tokenFile` (0600) lets whoever can read it act as this session, and nothing more. */
export const openSessionReply = z.object({
  uuid,
  session: keyText,
  mesh: z.string(),
  name: z.string(),
  tokenFile: z.string(),
})
export const sessionList = z.array(
  z.object({
    mesh: z.string(),
    uuid,
    session: keyText,
    name: z.string(),
    kind: z.enum(['claude', 'plain']),
    open: z.boolean(),
    attached: z.boolean(),
    status: sessionStatus,
    statusSource: z.string(),
    statusAt: ms,
    deliver: deliverMode,
    unread: z.int(),
    /** Pids of the clients that run it now, where Claude's own files tell; two of them are one too many. */
    processes: z.array(z.int()),
  }),
)

/** Claude Code's own hook payload, as it came; only these fields are read. Answer: hook output JSON. */
export const hookEvent = z.looseObject({
  session_id: uuid,
  hook_event_name: z.string().max(64),
  transcript_path: z.string().max(4096).optional(),
  cwd: z.string().max(4096).optional(),
  prompt: z.string().optional(),
  source: z.string().max(64).optional(),
  /** Claude's own process. */
  pid: z.int().positive().optional(),
  /** By the user's token: the mesh a session is opened in that is not known yet. */
  mesh,
})
/** Which session the claude process of this pid is in. */
export const sessionOfProcess = z.strictObject({ pid: z.int().positive() })
export const sessionOfProcessReply = z.object({ uuid, tokenFile: z.string() })
/** The UUID that Claude has for the conversation the hook waits in. */
export const waitForWake = z.strictObject({ session_id: uuid })
export const setStatus = z.object({
  session_id: uuid,
  status: sessionStatus,
  cwd: z.string().max(4096).optional(),
  pid: z.int().optional(),
})
