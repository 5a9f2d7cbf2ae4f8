/** Whether a message may go to its session now, or why it is held there: by how the user wants it and by what the session does. */
import type { PresenceStatus, Priority } from '@claudemesh/protocol'

export type DeliverMode = 'push' | 'inbox' | 'off'

/** How a session stands towards its mail. */
export interface Standing {
  readonly isOpen: boolean
  /** All delivery on this machine is. */
  readonly isPaused: boolean
  /** All delivery in its mesh is, by an owner or admin. */
  readonly isMeshPaused: boolean
  /** Two processes run it, and neither sees the other's turns. */
  readonly isTwice: boolean
  readonly mode: DeliverMode
  readonly status: PresenceStatus
  /** Of a `waiting` session, in Claude's words: `permission prompt`, `dialog open`, `input needed`, … (2.1.329). */
  readonly waitingFor: string
}

/** Said to the sender in a receipt `held`. */
export type HeldWhy =
  | 'closed'
  | 'paused'
  | 'mesh-paused'
  | 'mode'
  | 'two-processes'
  | 'dnd'
  | 'waiting for permission'
  | 'waiting for its user'
  /** No rung lets anything in: the client's settings refuse, or its hooks are switched off. */
  | 'policy'

/** `wait`: it goes by itself in a moment, which is worth no receipt. */
export type Verdict = 'give' | 'wait' | { readonly held: HeldWhy }

/**
 * What is shut beats what is asked: closed, paused, mode, run twice. Then `dnd` lets only `now` through; a dialog holds all, since what is
 * handed over would wait behind it anyway; and `low` waits for the end of the turn.
 */
export function gate(priority: Priority, standing: Standing): Verdict {
  const { isOpen, isPaused, isMeshPaused, isTwice, mode, status, waitingFor } = standing
  if (!isOpen || status === 'closed') return { held: 'closed' }
  if (isPaused) return { held: 'paused' }
  if (isMeshPaused) return { held: 'mesh-paused' }
  if (mode !== 'push') return { held: 'mode' }
  if (isTwice) return { held: 'two-processes' }
  if (status === 'dnd') return priority === 'now' ? 'give' : { held: 'dnd' }
  if (status === 'waiting')
    return { held: /permission/i.test(waitingFor) ? 'waiting for permission' : 'waiting for its user' }
  return status === 'working' && priority === 'low' ? 'wait' : 'give'
}
