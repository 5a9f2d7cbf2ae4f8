/** What the receiving side says of messages it holds: kept in the mailbox, told to the senders in signed receipts. */
import type { Core } from '../core.ts'
import type { InboxRow, InboxState, Owner } from '../store.ts'
import type { ReportState } from '../types.ts'
import { isOwnWord } from './tell-own.ts'

/** Told states move forward only, as at the sender. */
const RANK = { delivered: 0, held: 1, surfaced: 2, answered: 3, refused: 4 } as const
const rankOf = (state: string): number => (RANK as Record<string, number>)[state] ?? -1
const PLACE: readonly InboxState[] = ['unread', 'pushed', 'surfaced', 'read']

/** It came whole and nobody saw it: whatever it comes to now, it was not read, and its sender may send it again. */
const DAMAGED = { state: 'refused', why: 'damaged' } as const
const isLost = ({ payload, state }: InboxRow): boolean => payload === null && state === 'unread'

/**
 * Moves rows forward to `state`, with `why` in their trace where it is given; nobody is told, but the sender of a text that
 * cannot be read any more. True if anything is to be sent.
 */
export function markRows(
  core: Core,
  owner: Owner,
  msgs: readonly string[],
  state: InboxState,
  why?: string,
): boolean {
  return core.commit.run(() => {
    const rows = rowsOf(core, owner, msgs)
    const lost = rows.filter(isLost).map(({ msg }) => msg)
    const told = reportRows(core, owner, lost, DAMAGED.state, DAMAGED.why)
    const whole = rows.filter(row => !isLost(row))
    for (const row of whole)
      if (PLACE.indexOf(row.state) < PLACE.indexOf(state)) core.store.inbox.update({ ...row, state })
    if (why !== undefined) note(core, whole, state, why)
    return told
  })
}

/** Leaves a step in the trace of messages received here; nobody is told. */
export function noteRows(
  core: Core,
  owner: Owner,
  msgs: readonly string[],
  state: string,
  why: string,
): void {
  core.commit.run(() => note(core, rowsOf(core, owner, msgs), state, why))
}

/** Says `state` to the senders once; `why` is a word of at most 64 characters. True if anything is to be sent. */
export function reportRows(
  core: Core,
  owner: Owner,
  msgs: readonly string[],
  asked: ReportState,
  reason: string,
): boolean {
  const at = core.now()
  return core.commit.run(() => {
    let told = false
    for (const row of rowsOf(core, owner, msgs)) {
      const lost = asked !== 'held' && isLost(row)
      const { state, why } = lost ? DAMAGED : { state: asked, why: reason }
      const again = row.receipt === state && row.receiptWhy === why
      if (again || rankOf(state) < rankOf(row.receipt)) continue
      core.store.inbox.update({ ...row, state: stateAfter(row, state), receipt: state, receiptWhy: why })
      if (isOwnWord(row)) continue
      const { from: to, id, msg } = row
      core.store.receipts.queue([{ owner, to, state, why, id, msg, at, dueAt: 0 }])
      note(core, [row], state, why)
      told = true
    }
    return told
  })
}

function note(core: Core, rows: readonly InboxRow[], state: string, why: string): void {
  const at = core.now()
  const to = (owner: Owner) => core.parties.get(owner)?.key ?? null
  core.store.trace.add(
    rows.map(({ msg, owner }) => ({
      msg,
      at,
      state,
      by: 'me',
      to: to(owner),
      why: why || null,
      verified: true,
    })),
  )
}

function stateAfter(row: InboxRow, report: ReportState): InboxState {
  if (report === 'held') return row.state
  const state = report === 'refused' ? 'read' : 'surfaced'
  return PLACE.indexOf(row.state) < PLACE.indexOf(state) ? state : row.state
}

const rowsOf = (core: Core, owner: Owner, msgs: readonly string[]): InboxRow[] =>
  msgs.flatMap(msg => core.store.inbox.byMsg(owner, msg)).filter(row => PLACE.includes(row.state))
