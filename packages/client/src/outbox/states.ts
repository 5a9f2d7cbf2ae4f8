/** How far a message has come for one recipient: states only move forward, and every move leaves a step in the trace. */
import type { Core } from '../core.ts'
import { recipientOfKey } from '../session/party.ts'
import { OPEN_STATES, type OutboxRecipientRow, type OutboxState } from '../store.ts'

/** What a receipt or fact may replace: only a state of a lower rank. A late `delivered` replaces what was given up. */
const RANK: Record<OutboxState, number> = {
  pending: 0,
  sealed: 1,
  accepted: 2,
  unknown: 3,
  removed: 3,
  expired: 3,
  undecryptable: 3,
  failed: 3,
  delivered: 4,
  held: 5,
  surfaced: 6,
  answered: 7,
  refused: 8,
}

export const isOpen = (state: OutboxState): boolean => (OPEN_STATES as readonly OutboxState[]).includes(state)
export const outranks = (next: OutboxState, now: OutboxState): boolean => RANK[next] > RANK[now]
const GIVEN_UP: readonly OutboxState[] = [
  'unknown',
  'removed',
  'expired',
  'undecryptable',
  'failed',
  'refused',
]
export const RETRIED = 'retried'
/** On the dead-letter list, and not yet sent again as a new message. */
export const isGivenUp = (row: OutboxRecipientRow): boolean =>
  GIVEN_UP.includes(row.state) && row.why !== RETRIED

export interface Step {
  readonly state: OutboxState
  readonly why?: string | null
  readonly at: number
  /** `me`, `broker` or the RecipientKey that signed. */
  readonly by: string
  readonly verified: boolean
  readonly dueAt?: number
  readonly reseals?: number
}

/** Moves a recipient on, inside `commit.run`; settles the message when nobody needs its text any more. */
export function moveRecipient(core: Core, row: OutboxRecipientRow, step: Step): OutboxRecipientRow {
  const { store, commit } = core
  const next: OutboxRecipientRow = {
    ...row,
    state: step.state,
    why: step.why ?? null,
    at: step.at,
    dueAt: step.dueAt ?? row.dueAt,
    reseals: step.reseals ?? row.reseals,
  }
  store.outbox.updateRecipient(next)
  if (row.pairSeq === 0) return next
  const { state, why } = next
  store.trace.add([
    { msg: row.msg, at: step.at, state, by: step.by, to: row.to, why, verified: step.verified },
  ])
  commit.after('outbox', { msg: row.msg, to: recipientOfKey(row.to), state, why })
  if (!isOpen(state)) settle(core, row.msg)
  return next
}

/** Marks the message dead, or drops its text, once every recipient is settled. */
function settle(core: Core, msg: string): void {
  const { outbox } = core.store
  const message = outbox.standing(msg)
  if (!message) return
  const rows = outbox.recipients(msg)
  // A refusal of what was delivered before finds no text that could be sent again.
  const dead = message.hasText && rows.some(row => isGivenUp(row))
  if (dead !== message.dead) outbox.markDead(msg, dead)
  if (message.hasText && !dead && !rows.some(row => isOpen(row.state))) outbox.dropText(msg)
}
