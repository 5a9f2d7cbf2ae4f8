/** Puts an opened message into its mailbox: exactly once by `msg`, released in the order of its line. */
import { parseAs, type ReceiptState, TIMES, textPayload, toBase64url } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import { nextNumber } from '../counter.ts'
import { recipientOfKey, uuidOf } from '../session/party.ts'
import type { InboxRow, LaneRow, Owner, RecipientKey } from '../store.ts'
import type { InboxMessage } from '../types.ts'
import type { Opened } from './open.ts'
import { arrive, giveUpGap } from './release.ts'

/** A row as it is shown. */
export const inboxMessage = (row: InboxRow): InboxMessage => {
  const { owner, from, position, line, pairSeq: _pairSeq, payload, ...rest } = row
  const { receipt: _receipt, receiptWhy: _why, forgetAt: _forgetAt, ...shown } = rest
  return {
    ...shown,
    uuid: uuidOf(owner),
    from: recipientOfKey(from),
    payload: payload ? JSON.parse(payload) : null,
    damaged: payload === null,
    position: position ?? 0,
    local: line === '',
  }
}

/** Inside `commit.run`. A known `msg` changes nothing and its last receipt is repeated for the new id. */
export function storeMessage(core: Core, owner: Owner, opened: Opened): void {
  const { inbox } = core.store
  const { fromKey, id, content, envelope } = opened
  const { plaintext } = content
  const known = inbox.find(owner, fromKey, plaintext.msg)
  if (known) {
    tell(core, known, id, known.receipt, known.receiptWhy)
    return
  }
  const { sentAt, ttl, priority } = envelope.header
  const now = core.now()
  const refused = whyRefused(core, owner, opened)
  const payload = refused !== null ? '' : JSON.stringify(plaintext.payload ?? null)
  const row: InboxRow = {
    owner,
    from: fromKey,
    msg: plaintext.msg,
    id,
    line: toBase64url(plaintext.line),
    pairSeq: content.pairSeq,
    kind: plaintext.kind,
    payload,
    priority,
    composedAt: plaintext.composedAt,
    sentAt,
    receivedAt: now,
    state: opened.early ? 'early' : 'waiting',
    position: null,
    late: false,
    gap: false,
    ...answerOf(refused, opened.early),
    forgetAt: sentAt + ttl + TIMES.rememberMs,
  }
  const insert = (own: InboxRow) => inbox.insert({ ...own, payload })
  if (opened.early) insert(row)
  else place(core, row, content.floor, insert)
  tell(core, row, id, row.receipt, row.receiptWhy)
}

/** Only text is refused: what keeps the mesh going is no message to anybody. */
function whyRefused(core: Core, owner: Owner, { envelope, content }: Opened): string | null {
  const { kind, payload } = content.plaintext
  const text = kind === 'text' ? parseAs(textPayload, payload) : undefined
  if (!text?.success) return null
  const { from, to } = envelope.header
  const { hops = 0, group = false } = text.data
  const several = group || to.length > 1
  return core.refuses({ uuid: uuidOf(owner), member: toBase64url(from.member), several, hops })
}

function answerOf(refused: string | null, early: boolean): Pick<InboxRow, 'receipt' | 'receiptWhy'> {
  if (refused !== null) return { receipt: 'refused', receiptWhy: refused }
  return early ? { receipt: 'held', receiptWhy: 'clock' } : { receipt: 'delivered', receiptWhy: '' }
}

/** Inside `commit.run`: what came too early, once our clock has caught up. */
export function placeEarly(core: Core, early: InboxRow): void {
  const refused = early.receipt === 'refused'
  const row: InboxRow = refused ? early : { ...early, receipt: 'delivered', receiptWhy: '' }
  place(core, row, 0, own => core.store.inbox.update(own))
  if (!refused) tell(core, row, row.id, 'delivered', '')
}

/** Inside `commit.run`: what waits behind the first gap of the lane has waited for `waitedMs`. From 60 s on it is shown, and what is behind further gaps too. */
export function waitBehindGap(core: Core, lane: LaneRow): void {
  const { inbox } = core.store
  const waiting = inbox.waiting(lane.owner, lane.from, lane.line)
  const ended = lane.waitedMs < TIMES.gapMs ? undefined : giveUpGap(waiting)
  if (!ended) {
    inbox.putLane(lane)
    return
  }
  const left = waiting.slice(1 + ended.after.length)
  const rows = [{ ...ended.first, gap: true }, ...ended.after].map(row => release(core, row))
  announce(core, lane.owner, rows)
  waitBehindGap(core, { ...lane, next: ended.next, waitedMs: waitedOf(left, waiting, lane.waitedMs) })
}

/** How long `left` has waited behind its own gap, at least, where all of `waiting` has for `waitedMs`: by the first to come of each. */
function waitedOf(left: readonly InboxRow[], waiting: readonly InboxRow[], waitedMs: number): number {
  const cameAt = (rows: readonly InboxRow[]) => Math.min(...rows.map(row => row.receivedAt))
  return left.length === 0 ? 0 : Math.max(0, waitedMs - Math.max(0, cameAt(left) - cameAt(waiting)))
}

function place(core: Core, row: InboxRow, floor: number, write: (own: InboxRow) => void): void {
  const { inbox } = core.store
  const { owner, from, line } = row
  const lane = inbox.lane(owner, from, line) ?? { owner, from, line, next: 1, waitedMs: 0 }
  const waiting = inbox.waiting(owner, from, line)
  const { before, verdict, after, next } = arrive(lane.next, waiting, row.pairSeq, floor)
  const put = (own: InboxRow): InboxRow => {
    write(own)
    return own
  }
  const left = waiting.slice(before.length + after.length)
  const released = before.map(one => release(core, one))
  if (verdict === 'wait') put({ ...row, state: 'waiting' })
  else released.push(put(placed(core, { ...row, late: verdict === 'late' })))
  for (const one of after) released.push(release(core, one))
  if (row.pairSeq !== 0 && (verdict === 'wait' || next !== lane.next))
    inbox.putLane({
      ...lane,
      next,
      waitedMs: next === lane.next ? lane.waitedMs : waitedOf(left, waiting, lane.waitedMs),
    })
  announce(core, owner, released)
}

const placed = (core: Core, row: InboxRow): InboxRow => ({
  ...row,
  state: row.receipt === 'refused' ? 'read' : 'unread',
  position: nextNumber(core.store, `position/${row.owner}`),
})

function release(core: Core, row: InboxRow): InboxRow {
  const next = placed(core, row)
  core.store.inbox.update(next)
  return next
}

function announce(core: Core, owner: Owner, rows: readonly InboxRow[]): void {
  if (rows.length > 0) core.commit.after('inbox', { uuid: uuidOf(owner), messages: rows.map(inboxMessage) })
}

function tell(
  core: Core,
  row: { owner: Owner; from: RecipientKey; msg: string },
  id: string,
  state: ReceiptState,
  why: string,
): void {
  const at = core.now()
  core.store.receipts.queue([{ owner: row.owner, to: row.from, state, why, id, msg: row.msg, at, dueAt: 0 }])
}
