/** What the broker answered to a sealing, written down: accepted, refused for good, to be sealed again, or to be sent again. */
import { uuidText } from '@claudemesh/crypto'
import { type AcceptedResult, type ErrorCode, TIMES } from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import type { OutboxRecipientRow, SealingRow } from '../store.ts'
import { resealOrGiveUp } from './reseal.ts'
import { isOpen, moveRecipient } from './states.ts'

/** The same bytes go out again later: nothing was decided. */
const AGAIN: readonly ErrorCode[] = ['internal', 'unavailable', 'draining', 'timeout', 'rate', 'unreachable']

export type Verdict = 'done' | 'again' | 'attach' | 'replaced' | 'clock' | 'removed'

/** Inside `commit.run`. `at` of the result is the broker's time. */
export function applyResult(core: Core, result: AcceptedResult): Verdict {
  const { outbox } = core.store
  const sealing = outbox.sealing(uuidText(result.id))
  if (sealing?.state !== 'sealed') return 'done'
  const { error } = result
  if (error === null) {
    accept(core, sealing, result)
    return 'done'
  }
  if (AGAIN.includes(error)) return 'again'
  if (error === 'not-attached') return 'attach'
  if (error === 'removed') return 'removed'
  if (error === 'id-time') {
    if (Math.abs(result.at - core.now()) > TIMES.idSkewMs) return 'clock'
    sealAgain(core, sealing, 'id-time')
    return 'done'
  }
  if (error === 'replaced') {
    sealAgain(core, sealing, 'replaced')
    return 'replaced'
  }
  outbox.updateSealing({ ...sealing, state: 'void', bytes: null })
  for (const { row, index } of rowsOf(core, sealing)) {
    const named = result.recipients[index]
    if (error === 'conflict') resealOrGiveUp(core, row, { why: 'conflict', by: 'broker', verified: false })
    else if (error === 'unknown-recipient')
      ended(core, row, named === 'removed' ? 'removed' : 'unknown', result.at)
    else
      moveRecipient(core, row, {
        state: error === 'expired' ? 'expired' : 'failed',
        why: error,
        at: core.now(),
        by: 'broker',
        verified: false,
      })
  }
  return 'done'
}

function accept(core: Core, sealing: SealingRow, result: AcceptedResult): void {
  const { seq, auditIndex, at } = result
  core.store.outbox.updateSealing({
    ...sealing,
    state: 'accepted',
    bytes: null,
    seq,
    auditIndex,
    acceptedAt: at,
  })
  for (const [i, { to }] of core.store.outbox.sealingRecipients(sealing.id).entries()) {
    const row = core.store.outbox.recipient(sealing.msg, to)
    const named = result.recipients[i] ?? 'queued'
    if (named !== 'queued') core.store.outbox.endSealing(sealing.id, to, 'refused')
    if (row?.state !== 'sealed') continue
    if (named === 'queued') moveRecipient(core, row, { state: 'accepted', at, by: 'broker', verified: false })
    else ended(core, row, named, at)
  }
}

/** Rows of a sealing that still wait for it, with their place in its `to`. */
function rowsOf(core: Core, sealing: SealingRow): { row: OutboxRecipientRow; index: number }[] {
  const waiting: { row: OutboxRecipientRow; index: number }[] = []
  for (const [index, { to }] of core.store.outbox.sealingRecipients(sealing.id).entries()) {
    const row = core.store.outbox.recipient(sealing.msg, to)
    if (row?.state === 'sealed') waiting.push({ row, index })
  }
  return waiting
}

function ended(core: Core, row: OutboxRecipientRow, state: 'unknown' | 'removed', at: number): void {
  if (isOpen(row.state)) moveRecipient(core, row, { state, at, by: 'broker', verified: false })
}

/** Inside `commit.run`: its bytes lie damaged in the store. The broker may have taken them; the receiver knows the `msg`. */
export const sealDamagedAgain = (core: Core, sealing: SealingRow): void =>
  sealAgain(core, sealing, 'damaged', 'me')

/** Its message waits for another sealing. */
function sealAgain(
  core: Core,
  sealing: SealingRow,
  why: 'id-time' | 'replaced' | 'damaged',
  by: 'broker' | 'me' = 'broker',
): void {
  core.store.outbox.updateSealing({ ...sealing, state: 'void', bytes: null })
  const step = { state: 'pending', why, at: core.now(), by, verified: by === 'me', dueAt: 0 } as const
  for (const { row } of rowsOf(core, sealing)) moveRecipient(core, row, step)
}
