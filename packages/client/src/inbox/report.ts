/** What the receiving side says of messages it holds: kept in the mailbox, told to the senders in signed receipts. */
import type { Core } from '../core.ts'
import type { InboxRow, InboxState, Owner } from '../store.ts'
import type { ReportState } from '../types.ts'
import { isOwnWord } from './tell-own.ts'

/** Told states move forward only, as at the sender. */
const RANK = { delivered: 0, held: 1, surfaced: 2, answered: 3, refused: 4 } as const
const rankOf = (state: string): number => (RANK as Record<string, number>)[state] ?? -1
const PLACE: readonly InboxState[] = ['unread', 'pushed', 'surfaced', 'read']

/** Moves rows forward to `state`; nobody is told. */
export function markRows(core: Core, owner: Owner, msgs: readonly string[], state: InboxState): void {
  core.commit.run(() => {
    for (const row of rowsOf(core, owner, msgs))
      if (PLACE.indexOf(row.state) < PLACE.indexOf(state)) core.store.inbox.update({ ...row, state })
  })
}

/** Says `state` to the senders once; `why` is a word of at most 64 characters. True if anything is to be sent. */
export function reportRows(
  core: Core,
  owner: Owner,
  msgs: readonly string[],
  state: ReportState,
  why: string,
): boolean {
  const at = core.now()
  return core.commit.run(() => {
    let told = false
    for (const row of rowsOf(core, owner, msgs)) {
      const again = row.receipt === state && row.receiptWhy === why
      if (again || rankOf(state) < rankOf(row.receipt)) continue
      core.store.inbox.update({ ...row, state: stateAfter(row, state), receipt: state, receiptWhy: why })
      if (isOwnWord(row)) continue
      const { from: to, id, msg } = row
      core.store.receipts.queue([{ owner, to, state, why, id, msg, at, dueAt: at }])
      told = true
    }
    return told
  })
}

function stateAfter(row: InboxRow, report: ReportState): InboxState {
  if (report === 'held') return row.state
  const state = report === 'refused' ? 'read' : 'surfaced'
  return PLACE.indexOf(row.state) < PLACE.indexOf(state) ? state : row.state
}

const rowsOf = (core: Core, owner: Owner, msgs: readonly string[]): InboxRow[] =>
  msgs.flatMap(msg => core.store.inbox.byMsg(owner, msg)).filter(row => PLACE.includes(row.state))
