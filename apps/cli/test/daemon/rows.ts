/** Rows as the client writes them, told apart by a number. */
import type { InboxRow, OutboxMessageRow, OutboxRecipientRow, PrekeyRow } from '@claudemesh/client'

const uuid = (n: number): string => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

export const outboxMessage = (n: number): OutboxMessageRow & { payload: string } => ({
  msg: uuid(n),
  owner: '',
  kind: 'text',
  payload: '{}',
  priority: 'next',
  line: 'l',
  composedAt: n,
  ttlMs: 1000,
  endsAt: null,
  dead: false,
})

export const outboxRecipient = (n: number, to: string): OutboxRecipientRow => ({
  msg: uuid(n),
  owner: '',
  line: 'l',
  to,
  pairSeq: n,
  state: 'pending',
  why: null,
  at: n,
  reseals: 0,
  dueAt: 0,
})

export const inboxRow = (n: number): InboxRow & { payload: string } => ({
  owner: '',
  from: 'f/s',
  msg: uuid(n),
  id: uuid(n),
  line: 'l',
  pairSeq: n,
  kind: 'text',
  payload: '{}',
  priority: 'next',
  composedAt: n,
  sentAt: n,
  receivedAt: n,
  state: 'unread',
  position: n,
  late: false,
  gap: true,
  receipt: 'delivered',
  receiptWhy: '',
  forgetAt: n,
})

export const prekeyRow = (id: Uint8Array, secret: Uint8Array = new Uint8Array(64)): PrekeyRow => ({
  id,
  owner: '',
  n: 1,
  bundle: 'b',
  secret,
  publishedAt: null,
  queuedUpTo: 0,
  attachedMs: 0,
})
