/** Messages as they lie in an inbox, for tests that need no broker to bring them. */
import type { InboxMessage } from '../../src/api/schema.ts'

/** Its id, which is of the form of a real one. */
export const messageId = (n: number): string => `019a0000-0000-7000-8000-${String(n).padStart(12, '0')}`

/** The message `n`, unread, of alice/api to bob/web, whose key nobody has verified; what `change` says is otherwise. */
export const inboxMessage = (n: number, change: Partial<InboxMessage> = {}): InboxMessage => ({
  id: messageId(n),
  from: 'k'.repeat(43),
  fromName: 'alice/api',
  to: 'bob/web',
  text: `text ${n}`,
  sentAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  receivedAt: Date.UTC(2026, 0, 2, 3, 4, 6),
  replyTo: null,
  threadId: null,
  verified: false,
  nameTaken: false,
  verifiedAs: null,
  priority: 'next',
  late: false,
  warning: null,
  state: 'unread',
  mesh: 'home',
  ...change,
})
