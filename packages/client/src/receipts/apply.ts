/** Believes a receipt only if its maker signed it, stood in the sealing it speaks of, and came by its own envelope. */
import { recipientKey, verifyReceipt } from '@claudemesh/crypto'
import {
  MeshError,
  parseAs,
  prekeyBundle,
  type Receipt,
  receipt as receiptSchema,
} from '@claudemesh/protocol'
import type { Core } from '../core.ts'
import type { Opened } from '../inbox/open.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { resealOrGiveUp } from '../outbox/reseal.ts'
import { isOpen, moveRecipient, outranks } from '../outbox/states.ts'
import type { Party } from '../session/party.ts'
import type { OutboxRecipientRow } from '../store.ts'

const ASKS_AGAIN = ['stale-prekey', 'unknown-opener', 'undecryptable'] as const
const asksAgain = (state: Receipt['state']): state is (typeof ASKS_AGAIN)[number] =>
  (ASKS_AGAIN as readonly string[]).includes(state)

/** Inside `commit.run`. What does not check out is counted in the log and dropped. */
export function applyReceipt(core: Core, outbox: Outbox, party: Party, opened: Opened): void {
  const receipt = readReceipt(core, party, opened)
  if (!receipt) return
  // What the broker answered to what it speaks of stands before it.
  core.group.takeAlong()
  if (asksAgain(receipt.state)) renewTarget(outbox, opened)
  let stray = 0
  for (const item of receipt.items) if (!applyItem(core, outbox, party, opened, receipt, item)) stray++
  if (stray > 0) core.log('receipt.stray', { from: opened.fromKey, items: stray })
}

function readReceipt(core: Core, party: Party, opened: Opened): Receipt | undefined {
  try {
    const parsed = parseAs(receiptSchema, opened.content.plaintext.payload)
    if (!parsed.success) throw new MeshError('bad-field', 'not a receipt')
    if (recipientKey(parsed.data.from) !== opened.fromKey || recipientKey(parsed.data.to) !== party.key)
      throw new MeshError('integrity', 'the receipt is of somebody else, or for somebody else')
    verifyReceipt(parsed.data, { mesh: core.identity.mesh })
    return parsed.data
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    core.log('receipt.refused', { from: opened.fromKey, code: error.code, message: error.message })
    return undefined
  }
}

function applyItem(
  core: Core,
  outbox: Outbox,
  party: Party,
  { fromKey }: Opened,
  receipt: Receipt,
  item: Receipt['items'][number],
): boolean {
  const { store } = core
  const sealing = store.outbox.sealing(item.id)
  if (!sealing || (item.msg !== null && item.msg !== sealing.msg)) return false
  const end = store.outbox.sealingRecipients(item.id).find(one => one.to === fromKey)
  const row = store.outbox.recipient(sealing.msg, fromKey)
  if (!end || row?.owner !== party.owner) return false
  const { state, why } = receipt
  if (!asksAgain(state)) {
    outbox.pairs.opened(item.id, fromKey)
    const caughtUp = state === 'delivered' && row.state === 'held' && row.why === 'clock'
    const forward = caughtUp || outranks(state, row.state) || isHeldOtherwise(core, row, receipt)
    if (row.pairSeq !== 0 && forward)
      moveRecipient(core, row, { state, why: why || null, at: receipt.at, by: fromKey, verified: true })
    return true
  }
  if (end.end !== null) return true
  store.outbox.endSealing(item.id, fromKey, 'refused')
  outbox.pairs.forget(party.key, fromKey)
  const asked = { why: state, by: fromKey, verified: true }
  if (isOpen(row.state) && row.state !== 'pending' && !store.outbox.hasLiveSealing(sealing.msg, fromKey))
    resealOrGiveUp(core, row, asked)
  return true
}

/** How often the reason a message is held for may change: who receives it decides, and each change is a row here. */
const MOST_HELD = 16

function isHeldOtherwise(core: Core, row: OutboxRecipientRow, { state, why, at }: Receipt): boolean {
  if (state !== 'held' || row.state !== 'held' || why === (row.why ?? '') || at < row.at) return false
  const before = core.store.trace.of(row.msg).filter(step => step.state === 'held' && step.to === row.to)
  return before.length < MOST_HELD
}

/** Who asks again says, signed, what to seal to; else the broker is asked anew. */
function renewTarget(outbox: Outbox, opened: Opened): void {
  const parsed = parseAs(prekeyBundle, opened.content.plaintext.bundle)
  if (parsed.success) outbox.targets.renew(opened.from, parsed.data)
  else outbox.targets.forget(opened.fromKey)
}
