/** Mailboxes as they are shown. */
import type { Core } from '../core.ts'
import { ownerOf } from '../session/party.ts'
import { type InboxFilter, RELEASED_STATES } from '../store.ts'
import type { InboxMessage } from '../types.ts'
import { inboxMessage } from './store-message.ts'

/** `uuid` absent = every mailbox, `null` = the person's. */
export type InboxAsked = Omit<InboxFilter, 'owner'> & { readonly uuid?: string | null }

/** Released messages in order. */
export function listInbox({ store }: Core, { uuid, ...filter }: InboxAsked): InboxMessage[] {
  const owner = uuid === undefined ? {} : { owner: ownerOf(uuid) }
  const states = filter.states ?? RELEASED_STATES
  return store.inbox.list({ ...filter, ...owner, states }).map(inboxMessage)
}

/** The newest where several took the same `msg`. */
export function findReceived({ store }: Core, uuid: string | null, msg: string): InboxMessage | undefined {
  const row = store.inbox.byMsg(ownerOf(uuid), msg).at(-1)
  return row && inboxMessage(row)
}

/** Released, and neither surfaced nor read. */
export const countUnread = ({ store }: Core, uuid: string | null): number =>
  store.inbox.count(ownerOf(uuid), ['unread', 'pushed'])
