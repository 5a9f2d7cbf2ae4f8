/** Chooses which waiting messages go into one push: the oldest first, as many as fit, never out of order. */
import { type PushPriority, SOCKET_LIMITS } from '@claudemesh/claude'
import type { InboxMessage } from '../api/schema.ts'
import { SHOWN_CHARS } from './frame.ts'

/** Characters of message text in one push: far under the socket's limit even where each takes three bytes. */
const PUSH_CHARS = 200_000

/** A prefix of `waiting`: at most a burst's number, and `PUSH_CHARS` (a single message always fits). */
export function packMessages(waiting: readonly InboxMessage[]): InboxMessage[] {
  const pack: InboxMessage[] = []
  let chars = 0
  for (const message of waiting.slice(0, SOCKET_LIMITS.burst)) {
    chars += Math.min(message.text.length, SHOWN_CHARS)
    if (pack.length > 0 && chars > PUSH_CHARS) break
    pack.push(message)
  }
  return pack
}

/** The most urgent message decides for the pack it is in, since order is kept. */
export function packPriority(pack: readonly InboxMessage[]): PushPriority {
  if (pack.some(message => message.priority === 'now')) return 'now'
  return pack.some(message => message.priority === 'next') ? 'next' : 'later'
}
