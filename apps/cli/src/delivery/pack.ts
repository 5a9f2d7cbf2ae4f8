/** Chooses which waiting messages go into one push: the oldest first, as many as fit, never out of order. */
import type { PushPriority } from '@claudemesh/claude'
import type { InboxMessage } from '../api/schema.ts'
import { SHOWN_BY_HOOK, SHOWN_CHARS } from './frame.ts'
import type { Way } from './rungs.ts'

/** Messages in one push. */
const PACK_MESSAGES = 25
/** Characters of message text in one push: far under the socket's limit even where each takes three bytes. */
const PUSH_CHARS = 200_000
/** In a hook's answer, with room for the words around. */
const HOOK_CHARS = 6_000
/** Characters of what stands around each message, at most. */
const FRAME_CHARS = 500

/** Characters of one message shown at once, by the way it goes. */
export const shownBy = (way: Way): number => (way === 'socket' ? SHOWN_CHARS : SHOWN_BY_HOOK)

/** A prefix of `waiting`: at most 25, and what the way takes at once (a single message always fits). */
export function packMessages(waiting: readonly InboxMessage[], way: Way = 'socket'): InboxMessage[] {
  const most = way === 'socket' ? PUSH_CHARS : HOOK_CHARS
  const pack: InboxMessage[] = []
  let chars = 0
  for (const message of waiting.slice(0, PACK_MESSAGES)) {
    chars += Math.min(message.text.length, shownBy(way)) + (way === 'socket' ? 0 : FRAME_CHARS)
    if (pack.length > 0 && chars > most) break
    pack.push(message)
  }
  return pack
}

/** The most urgent message decides for the pack it is in, since order is kept. */
export function packPriority(pack: readonly InboxMessage[]): PushPriority {
  if (pack.some(message => message.priority === 'now')) return 'now'
  return pack.some(message => message.priority === 'next') ? 'next' : 'later'
}
