/** Tells senders what became of their messages: what is due is signed and put into the outbox in one transaction, many items a receipt. */
import { signReceipt } from '@claudemesh/crypto'
import { receipt as receiptSchema, TIMES } from '@claudemesh/protocol'
import { z } from 'zod'
import type { Core } from '../core.ts'
import type { Draft } from '../outbox/compose.ts'
import { type Party, recipientOfKey } from '../session/party.ts'
import type { QueuedReceipt } from '../store.ts'

const MAX_ITEMS = 1000

type Write = (draft: Draft) => unknown

/** Inside `commit.run`. `write` puts a message into the outbox. */
export function sendReceipts(core: Core, write: Write): void {
  for (const party of core.parties.values()) sendReceiptsOf(core, party, write)
}

function sendReceiptsOf(core: Core, party: Party, write: Write): void {
  const due = core.store.receipts.due(party.owner, core.now(), MAX_ITEMS)
  if (due.length === 0) return
  // At once: of what is queued and taken in one transaction nothing is ever written.
  core.store.receipts.remove(due.map(item => item.row))
  const groups = new Map<string, QueuedReceipt[]>()
  for (const item of due) {
    // Nobody is told who is no member any more.
    if (!core.keeper.roster.members.has(item.to.split('/')[0]!)) continue
    const name = `${item.to}>${item.state}>${item.why}`
    const group = groups.get(name)
    if (group) group.push(item)
    else groups.set(name, [item])
  }
  for (const items of groups.values()) write(receiptOf(core, party, items))
}

function receiptOf(core: Core, party: Party, items: readonly QueuedReceipt[]): Draft {
  const { owner, to, state, why } = items[0]!
  const recipient = recipientOfKey(to)
  const signed = signReceipt(
    {
      mesh: core.identity.mesh,
      from: party.recipient,
      to: recipient,
      state,
      why,
      items: items.map(({ id, msg }) => ({ id, msg })),
      at: Math.max(...items.map(item => item.at)),
    },
    party.signer,
  )
  return {
    owner,
    kind: 'receipt',
    payload: z.encode(receiptSchema, signed),
    to: [recipient],
    priority: 'low',
    ttlMs: TIMES.ttlDefaultMs,
    ordered: false,
  }
}
